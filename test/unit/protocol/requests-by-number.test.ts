/**
 * Requests without an answer: found whatever the order of the answers, and gone from memory soon after theirs.
 * Runs on: the test process, whose garbage it collects.
 */
import { expect } from 'chai'
import { RequestsByNumber } from '../../../native-free-core/protocol/requests-by-number.js'
import { keptBytes } from '../../support/young-objects.js'

describe('requests by number', () => {
  it('are found as a Map would find them, in any order, through growth and overtaking', () => {
    const requests = new RequestsByNumber<object>()
    const expected = new Map<number, object>()
    let seed = 12_345
    const draw = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff
      return (seed >>> 8) % below
    }
    // Numbers begin again in the middle of it.
    let next = 2 ** 32 - 50_000
    for (let step = 0; step < 200_000; step++) {
      // Up to some thousands wait, then few again.
      const most = step % 50_000 < 25_000 ? 3000 : 20
      if (expected.size < most) {
        const request = { step }
        requests.add(next, request)
        expected.set(next, request)
        next = (next + 1) >>> 0
      }
      // A few wait for long.
      const numbers = [...expected.keys()].slice(0, 40)
      const number = numbers[Math.min(numbers.length - 1, 5 + draw(35))]!
      if (expected.size > 5 && (expected.size >= most || draw(4) === 0)) {
        expect(requests.get(number)).to.equal(expected.get(number))
        expect(requests.take(number)).to.equal(expected.get(number))
        expected.delete(number)
        expect(requests.get(number)).to.equal(undefined)
        expect(requests.take(number)).to.equal(undefined)
      }
    }
    expect(requests.count).to.equal(expected.size).and.to.be.above(5)
    expect(requests.all()).to.deep.equal([...expected.values()])
    requests.clear()
    expect([requests.count, requests.all()]).to.deep.equal([0, []])
  }).timeout(60_000)

  it('are not mixed with those whose place they have', () => {
    const requests = new RequestsByNumber<string>()
    requests.add(3, 'three')
    expect(requests.get(3 + 65_536)).to.equal(undefined)
    requests.add(3 + 65_536, 'later')
    expect([requests.get(3), requests.get(3 + 65_536)]).to.deep.equal(['three', 'later'])
    expect(requests.all()).to.deep.equal(['three', 'later'])
    expect([requests.take(3 + 65_536), requests.take(3), requests.count]).to.deep.equal(['later', 'three', 0])
    expect(requests.get(0), 'a place that nobody had').to.equal(undefined)
  })

  it('go with the next collection of young objects once they are answered', () => {
    const requests = new RequestsByNumber<object>()
    const inFlight = 50
    // Of 40 MB a Map in the place of this keeps 16 to 31.
    const kept = keptBytes(40_000, (number) => {
      requests.add(number, { payload: new Array<number>(125).fill(number) })
      if (number > inFlight) requests.take(number - inFlight)
    })
    expect(kept).to.be.below(1_000_000)
  })
})
