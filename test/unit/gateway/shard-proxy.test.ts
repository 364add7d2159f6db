/**
 * The sending end of a shard's rings: order when requests have to wait, room for every answer, the budget.
 * Runs on: the test process; the test is the shard.
 */
import { expect } from 'chai'
import {
  ProduceReply,
  partitionIdAt,
  requestIdAt,
  RequestType,
} from '../../../native-free-core/mailbox/shard-frames.js'
import { createDoorbell } from '../../../native-free-core/ring/doorbell.js'
import { createRing, RingConsumer, RingProducer } from '../../../native-free-core/ring/ring.js'
import { type ProduceOwner, ShardProxy } from '../../../src/gateway/shard-proxy.js'
import { Random, seedOfRun } from '../../support/random.js'

const replay = 'npx mocha build/test/unit/gateway/shard-proxy.test.js'

class Shard {
  readonly memory = { requests: createRing(64 * 1024), replies: createRing(16 * 1024), doorbell: createDoorbell() }
  readonly seen: number[] = []
  private readonly requests = new RingConsumer(this.memory.requests)
  private readonly replies = new RingProducer(this.memory.replies)
  private unanswered: number[] = []

  /** Takes up to `count` requests. */
  take(count: number): void {
    for (; count > 0 && this.requests.next(); count--) {
      const { view, bodyPosition: at } = this.requests
      this.seen.push(view.getUint32(at + partitionIdAt, true))
      const id = view.getUint32(at + requestIdAt, true)
      if (this.requests.type === RequestType.produce && id !== 0xffff_ffff) this.unanswered.push(id)
      this.requests.release()
    }
  }

  /** Room for answers is promised: a full ring is the failure that this test looks for. */
  answer(count: number): void {
    for (const id of this.unanswered.splice(0, count)) {
      const at = this.replies.claim(1, ProduceReply.sizeBytes)
      expect(at, 'room for an answer').to.be.at.least(0)
      this.replies.view.setUint32(at + requestIdAt, id, true)
      this.replies.view.setInt32(at + 4, 0, true)
      this.replies.publish()
    }
  }

  get unansweredCount(): number {
    return this.unanswered.length
  }
}

describe('ShardProxy', () => {
  it('keeps order and finds room for every answer, whatever waits where', () => {
    const seed = seedOfRun()
    const random = new Random(seed)
    try {
      for (let round = 0; round < 30; round++) oneRun(random)
    } catch (error) {
      throw new Error(`seed ${seed}; replay: STREAMBUS_SEED=${seed} ${replay}`, { cause: error })
    }
  })

  function oneRun(random: Random): void {
    const shard = new Shard()
    const budget = { usedBytes: 0, maxBytes: 256 * 1024 }
    const proxy = new ShardProxy({ ...shard.memory, budget })
    const sent: number[] = []
    const answered: number[] = []
    const expected: number[] = []
    const pace = random.pick([0.02, 0.1, 0.4])
    const owner: ProduceOwner = { produced: (token) => void answered.push(token) }
    for (let step = 0; step < 4000; step++) {
      const acks = random.chance(0.2) ? 0 : -1
      const bytes = new Uint8Array(random.below(random.chance(0.1) ? 20_000 : 60))
      if (random.chance(0.6) && proxy.produce(owner, step, step, acks, bytes, 0, bytes.length, 0) === 0) {
        sent.push(step)
        if (acks !== 0) expected.push(step)
      }
      // Long stretches in which somebody does nothing: all rings run full.
      if (random.chance(pace)) shard.take(random.below(100))
      if (random.chance(pace)) shard.answer(random.below(400))
      if (random.chance(pace / 4)) proxy.drain(Number.POSITIVE_INFINITY)
      if (random.chance(0.3)) proxy.pumpWaiting()
      expect(budget.usedBytes).to.be.at.most(budget.maxBytes)
    }
    while (proxy.hasWaiting || shard.seen.length < sent.length || answered.length < expected.length) {
      shard.take(1000)
      shard.answer(1000)
      proxy.drain(Number.POSITIVE_INFINITY)
      proxy.pumpWaiting()
    }
    expect(shard.seen).to.deep.equal(sent)
    expect(answered).to.deep.equal(expected)
    expect(budget.usedBytes).to.equal(0)
    expect(shard.unansweredCount).to.equal(0)
  }

  it('refuses beyond the budget with THROTTLING_QUOTA_EXCEEDED, and never what is its own', () => {
    const shard = new Shard()
    const proxy = new ShardProxy({ ...shard.memory, budget: { usedBytes: 0, maxBytes: 0 } })
    const owner: ProduceOwner = { produced: () => undefined }
    const batch = new Uint8Array(8000)
    let code = 0
    for (let count = 0; code === 0 && count < 100; count++)
      code = proxy.produce(owner, 0, 0, -1, batch, 0, batch.length, 0)
    expect(code).to.equal(89)
    const handler = { onReply: () => undefined }
    expect(proxy.request(RequestType.fetch, 0, 8000, 100, handler, false, () => undefined)).to.equal(-1)
    expect(proxy.request(RequestType.fetch, 0, 8000, 100, handler, true, () => undefined)).to.be.at.least(0)
  })
  describe('with one sender that floods it', () => {
    const batch = new Uint8Array(8000)
    let shard: Shard
    let proxy: ShardProxy
    let flood: ProduceOwner
    let other: ProduceOwner

    beforeEach(() => {
      shard = new Shard()
      proxy = new ShardProxy({ ...shard.memory, budget: { usedBytes: 0, maxBytes: 256 * 1024 } })
      flood = { produced: () => undefined }
      other = { produced: () => undefined }
      while (proxy.produce(flood, 0, 1, -1, batch, 0, batch.length, 0) === 0);
    })

    it('has room for another', () => {
      expect(proxy.produce(other, 0, 2, -1, batch, 0, batch.length, 0)).to.equal(0)
    })

    it("takes each other's requests in turn, and those of one sender in order", () => {
      for (const partitionId of [2, 3]) proxy.produce(other, 0, partitionId, -1, batch, 0, batch.length, 0)
      shard.take(100)
      const inRing = shard.seen.length
      proxy.pumpWaiting()
      shard.take(100)
      expect(shard.seen.slice(inRing, inRing + 5)).to.deep.equal([1, 2, 1, 3, 1])
    })
  })
})
