/**
 * Which log starts the simulation holds retention by time able to explain.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { RecordBatchBuilder } from '../../../native-free-core/log/record-batch-builder.js'
import { BelievedClock } from '../../simulation/believed-clock.js'
import type { SentBatch } from '../../simulation/partition-model.js'
import { SimPartition } from '../../simulation/registry.js'

const retentionMs = 500
const wallMs = 1_700_000_000_000
const hourMs = 3_600_000

describe('SimPartition', () => {
  let clock: BelievedClock
  let partition: SimPartition

  beforeEach(() => {
    clock = new BelievedClock()
    clock.start(wallMs, 0)
    const configs = { 'retention.ms': String(retentionMs) }
    partition = new SimPartition({ partitionId: 0, topicName: 't', topicId: 'id', partition: 0, configs, clock })
  })

  let count = 0
  function send(timeMs: number, records: number): SentBatch {
    const builder = new RecordBatchBuilder()
    builder.reset()
    for (let index = 0; index < records; index++)
      builder.append(null, Uint8Array.of(count++ & 0xff, count >> 8), timeMs)
    return partition.send(builder.finish({}).slice(), false, 0)
  }

  function placed(timeMs: number, records: number, offset: number): void {
    partition.isAt(send(timeMs, records), offset)
  }

  function agedStart(nowMs: number): number {
    partition.allowOld(nowMs)
    return partition.model.agedStart
  }

  it('lets retention take what is older than it is kept, and nothing behind a young batch', () => {
    placed(wallMs, 2, 0)
    placed(wallMs + 50, 3, 2)
    placed(wallMs, 1, 5)
    expect(agedStart(500)).to.equal(0)
    expect(agedStart(501)).to.equal(2)
    expect(agedStart(551)).to.equal(6)
  })

  it("counts the age from a record's own time stamp, whenever it was sent", () => {
    placed(wallMs - hourMs, 4, 0)
    expect(agedStart(1)).to.equal(4)
  })

  it('fills gaps with old batches that were stored without an answer, and with no more than there are', () => {
    placed(wallMs, 5, 0)
    send(wallMs, 2)
    send(wallMs + 400, 9)
    placed(wallMs, 1, 7)
    placed(wallMs, 1, 10)
    expect(agedStart(501)).to.equal(8)
    expect(agedStart(901)).to.equal(18)
  })

  it('begins above what somebody asked to delete', () => {
    placed(wallMs + 400, 5, 0)
    placed(wallMs, 5, 5)
    expect(agedStart(501)).to.equal(0)
    partition.model.mayStartAt = 3
    expect(agedStart(501)).to.equal(3)
    partition.model.mayStartAt = 6
    expect(agedStart(501)).to.equal(10)
  })

  it('does not believe a clock that is set while the broker runs, but after ten minutes', () => {
    placed(wallMs + hourMs, 5, 0)
    clock.set(wallMs + 2 * hourMs, 100, false)
    expect(agedStart(600_000)).to.equal(0)
    expect(agedStart(600_100)).to.equal(5)
  })

  it('believes the clock that a broker finds, and keeps in mind what an earlier one may have taken', () => {
    placed(wallMs + hourMs, 5, 0)
    placed(wallMs + 4 * hourMs, 5, 5)
    clock.start(wallMs + 2 * hourMs, 100)
    expect(agedStart(100)).to.equal(5)
    clock.start(wallMs, 200)
    expect(agedStart(200)).to.equal(5)
  })

  it('refuses a log start that nothing explains', () => {
    placed(wallMs, 5, 0)
    expect(() => partition.checkBounds(5, 5, 0, 0, 400)).to.throw('the log starts at 5; old is what is below 0')
    partition.checkBounds(5, 5, 0, 0, 501)
  })
})
