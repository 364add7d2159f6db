/**
 * Producer state: what is appended, recognised, refused, forgotten; truncation; Kafka's snapshot file.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { crc32cOf } from '../../../native-free-core/log/crc32c.js'
import {
  ProducerState,
  sequenceAfter,
  SnapshotLayout,
  snapshotEntryBytes,
} from '../../../native-free-core/log/producer-state.js'
import { Random, seedOfRun, withSeed } from '../../support/random.js'
import { fromHex, kafkaLogVectors, toHex } from './kafka-vectors.js'

/** Appends batches of ten records with ascending sequences and offsets. */
function withBatches(count: number): ProducerState {
  const state = new ProducerState()
  for (let index = 0; index < count; index++) state.append(1, 0, index * 10, 10, 100 + index * 10, 1000 + index)
  return state
}

describe('producer state', () => {
  it('lets batches without producer id pass, and the first ones of unknown producers', () => {
    const state = withBatches(1)
    expect(state.check(-1, -1, -1, 5).kind).to.equal('append')
    expect(state.check(2, 0, 0, 5).kind).to.equal('append')
    expect(state.check(2, 4, 0, 5).kind).to.equal('append')
    state.append(-1, -1, -1, 5, 200, 1)
    expect(state.producerCount).to.equal(1)
  })

  it('takes no later batch of an unknown producer: the one before it was refused and would come behind it', () => {
    expect(new ProducerState().check(2, 4, 77, 5)).to.deep.equal({
      kind: 'error',
      error: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
      message: 'producer 2: it is not known here, and begins with sequence 77; expected 0',
    })
  })

  it('recognises the last five batches and tells where they are', () => {
    const state = withBatches(7)
    for (let index = 2; index < 7; index++) {
      expect(state.check(1, 0, index * 10, 10)).to.deep.equal({
        kind: 'duplicate',
        baseOffset: 100 + index * 10,
        lastOffset: 109 + index * 10,
        timestamp: 1000 + index,
      })
    }
    expect(state.check(1, 0, 10, 10)).to.deep.include({ kind: 'error', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
  })

  it('takes only the sequence that follows', () => {
    const state = withBatches(2)
    expect(state.check(1, 0, 20, 10).kind).to.equal('append')
    expect(state.check(1, 0, 21, 10)).to.deep.equal({
      kind: 'error',
      error: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
      message: 'producer 1: sequence 21 does not follow; expected 20',
    })
    // The same first sequence with another count is no retry.
    expect(state.check(1, 0, 10, 9).kind).to.equal('error')
  })

  it('fences older epochs and lets newer ones start with 0 only', () => {
    const state = withBatches(1)
    state.append(1, 5, 0, 1, 110, 1)
    expect(state.check(1, 4, 10, 1)).to.deep.include({ error: 'INVALID_PRODUCER_EPOCH' })
    expect(state.check(1, 6, 0, 1).kind).to.equal('append')
    expect(state.check(1, 6, 1, 1)).to.deep.include({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
    expect(state.batchesOf(1)).to.have.lengthOf(1)
    expect(state.epochOf(1)).to.equal(5)
  })

  it('goes on with 0 after the last sequence', () => {
    expect(sequenceAfter(2147483647, 1)).to.equal(0)
    expect(sequenceAfter(2147483640, 10)).to.equal(2)
    const state = new ProducerState()
    state.append(1, 0, 2147483640, 10, 0, 1)
    expect(state.check(1, 0, 2, 1).kind).to.equal('append')
    expect(state.check(1, 0, 2147483640, 10).kind).to.equal('duplicate')
    state.append(1, 0, 2, 2147483645 - 1, 10, 1)
    expect(state.batchesOf(1)[1]!.lastSequence).to.equal(2147483645)
  })

  it('rolls back with the log, and says when it can not', () => {
    const state = withBatches(3)
    expect(state.truncateTo(115)).to.equal(true)
    expect(state.check(1, 0, 10, 10).kind).to.equal('append')
    expect(state.truncateTo(100)).to.equal(false)
    expect(state.producerCount).to.equal(0)
  })

  describe('of silent producers', () => {
    it('forgets them at the first look that finds them silent for so long', () => {
      const state = withBatches(1)
      expect(state.expire(5000, 4000), 'heard before the first look').to.equal(0)
      state.append(2, 0, 0, 1, 110, 1)
      expect(state.expire(8999, 4000)).to.equal(0)
      expect(state.expire(9000, 4000)).to.equal(1)
      expect([state.epochOf(1), state.epochOf(2)]).to.deep.equal([-1, 0])
      expect(state.check(1, 0, 0, 10).kind).to.equal('append')
      expect(state.check(1, 0, 10, 10).kind, 'it takes a new id').to.equal('error')
    })

    it('counts from the last batch, also one that was there, whatever the time of its records', () => {
      const state = withBatches(1)
      for (let nowMs = 1e9; nowMs < 1e9 + 20_000; nowMs += 1000) {
        expect(state.expire(nowMs, 2000)).to.equal(0)
        if (nowMs % 2000 === 0) state.append(1, 0, 10, 10, 110, 3)
        else state.hear(1)
      }
      state.hear(7)
      expect(state.producerCount).to.equal(1)
    })

    it('keeps those with an open transaction', () => {
      const bytes = withBatches(1).encodeSnapshot()
      const view = new DataView(bytes.buffer)
      view.setBigInt64(SnapshotLayout.entriesAt + snapshotEntryBytes - 8, 100n)
      view.setUint32(SnapshotLayout.crcAt, crc32cOf(bytes, SnapshotLayout.countAt))
      const state = ProducerState.parseSnapshot(bytes)
      expect([
        state.expire(0, 1000),
        state.expire(1e9, 1000),
        state.forgetUnknownTo(new ProducerState()),
      ]).to.deep.equal([0, 0, 0])
    })

    it('lets another copy forget the same ones', () => {
      const state = withBatches(1)
      state.append(2, 0, 0, 1, 110, 1)
      const copy = new ProducerState().copyFrom(state)
      state.expire(0, 1000)
      state.append(2, 0, 1, 1, 111, 1)
      state.expire(1000, 1000)
      expect(copy.forgetUnknownTo(state)).to.equal(1)
      expect([copy.epochOf(1), copy.batchesOf(2).length]).to.deep.equal([-1, 1])
    })

    it('writes nothing of it into a snapshot', () => {
      const state = withBatches(6)
      const before = state.encodeSnapshot()
      state.expire(5, 1000)
      expect(state.encodeSnapshot()).to.deep.equal(before)
      const back = ProducerState.parseSnapshot(before)
      expect([back.expire(1e9, 1000), back.expire(1e9 + 1000, 1000)], 'counts anew').to.deep.equal([0, 1])
    })
  })

  it('makes a copy that shares nothing', () => {
    const state = withBatches(6)
    const copy = new ProducerState().copyFrom(state)
    state.append(1, 0, 60, 10, 160, 1)
    expect(copy.check(1, 0, 60, 10).kind).to.equal('append')
    expect(copy.batchesOf(1)).to.have.lengthOf(5)
  })
})

describe('a producer snapshot', () => {
  const kafka = kafkaLogVectors.producerSnapshot[0]

  it("of Kafka's is read", () => {
    const state = ProducerState.parseSnapshot(fromHex(kafka))
    expect(state.batchesOf(9)).to.deep.equal([
      { baseSequence: 5, lastSequence: 5, baseOffset: 105, lastOffset: 105, timestamp: 1700000000002 },
    ])
    expect(state.epochOf(70000000000)).to.equal(0)
    expect(state.check(70000000000, 0, 1, 1).kind).to.equal('append')
  })

  it('of one batch a producer has the bytes that Kafka writes', () => {
    expect(toHex(ProducerState.parseSnapshot(fromHex(kafka)).encodeSnapshot())).to.equal(kafka)
  })

  it('brings back everything that was remembered', () => {
    withSeed(seedOfRun(), 'npm test -- test/unit/log', (random) => {
      const state = new ProducerState()
      let offset = 0
      for (let round = 0; round < 300; round++) {
        const id = random.below(9) * 1e9
        const count = random.between(1, 50)
        const sequence = random.chance(0.1) ? 2147483630 : random.below(1000)
        state.append(id, random.below(3), sequence, count, offset, random.below(1e12))
        offset += count
      }
      const back = ProducerState.parseSnapshot(state.encodeSnapshot())
      for (let id = 0; id < 9e9; id += 1e9) {
        expect(back.batchesOf(id)).to.deep.equal(state.batchesOf(id))
        expect(back.epochOf(id)).to.equal(state.epochOf(id))
      }
    })
  })

  it('is refused when any byte is changed or missing', () => {
    const bytes = withBatches(2).encodeSnapshot()
    for (let position = 0; position < bytes.length; position++) {
      const changed = bytes.slice()
      changed[position]! ^= new Random(position + 1).between(1, 255)
      expect(() => ProducerState.parseSnapshot(changed), `byte ${position}`).to.throw('producer snapshot')
      expect(() => ProducerState.parseSnapshot(bytes.subarray(0, position))).to.throw('producer snapshot')
    }
  })
})
