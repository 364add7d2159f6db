/**
 * Requests without an answer: found whatever the order of the answers, and gone from memory soon after theirs.
 * Runs on: the test process, whose garbage it collects.
 */
import { expect } from 'chai'
import { type PendingRequest, PendingRequests } from '../../../native-free-core/client/pending-requests.js'
import { keptBytes } from '../../support/young-objects.js'

const api = 7
const handler = { succeeded: () => {}, failed: () => {} }

function requestOf(correlationId: number, sentAtMs = 0): PendingRequest {
  return { correlationId, api, handler, sentAtMs, produceBytes: 0 }
}

describe('requests without an answer', () => {
  it('are found by their ids as a Map would find them, in any order, through growth and overtaking', () => {
    const pending = new PendingRequests()
    const expected = new Map<number, PendingRequest>()
    let seed = 12_345
    const draw = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff
      return (seed >>> 8) % below
    }
    // Correlation ids begin again in the middle of it.
    let nextId = 2 ** 32 - 50_000
    for (let step = 0; step < 200_000; step++) {
      // Up to some thousands wait, then few again.
      const most = step % 50_000 < 25_000 ? 3000 : 20
      if (expected.size < most) {
        const request = requestOf(nextId, step)
        nextId = (nextId + 1) >>> 0
        pending.add(request)
        expected.set(request.correlationId, request)
      }
      // A few wait for long.
      const ids = [...expected.keys()].slice(0, 40)
      const id = ids[Math.min(ids.length - 1, 5 + draw(35))]!
      if (expected.size > 5 && (expected.size >= most || draw(4) === 0)) {
        expect(pending.take(id, api)).to.equal(expected.get(id))
        expected.delete(id)
        expect(pending.has(id)).to.equal(false)
        expect(pending.take(id, api)).to.equal(undefined)
      }
    }
    expect(pending.count).to.equal(expected.size).and.to.be.above(5)
    expect(pending.oldestSentAtMs()).to.equal(Math.min(...[...expected.values()].map(({ sentAtMs }) => sentAtMs)))
    expect(pending.takeAll(nextId)).to.deep.equal([...expected.values()])
    expect(pending.count).to.equal(0)
    expect(pending.oldestSentAtMs()).to.equal(undefined)
  }).timeout(60_000)

  it('stays when an answer of another api comes', () => {
    const pending = new PendingRequests()
    pending.add(requestOf(3))
    expect(pending.take(3, api + 1)).to.equal(undefined)
    expect(pending.has(3)).to.equal(true)
    // Overtaken by one with the same place.
    pending.add(requestOf(3 + 65_536))
    expect(pending.take(3, api + 1)).to.equal(undefined)
    expect(pending.takeAll(4 + 65_536).map(({ correlationId }) => correlationId)).to.deep.equal([3, 3 + 65_536])
  })

  it('go with the next collection of young objects once they are answered', () => {
    const pending = new PendingRequests()
    const { succeeded, failed } = handler
    const inFlight = 50
    // Of 40 MB a Map in the place of this keeps 16 to 31.
    const kept = keptBytes(40_000, (id) => {
      const held = { succeeded, failed, payload: new Array<number>(125).fill(id) }
      pending.add({ correlationId: id, api, handler: held, sentAtMs: 0, produceBytes: 0 })
      if (id > inFlight) pending.take(id - inFlight, api)
    })
    expect(kept).to.be.below(1_000_000)
  })
})
