/**
 * A subscription's credit and resume offset.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { earliestOffset, Subscription } from '../../../native-free-core/client/subscription.js'
import { RecordBatchBuilder } from '../../../native-free-core/log/record-batch-builder.js'
import { assignBatch } from '../../../native-free-core/log/record-batch.js'

function batchAt(baseOffset: number, recordCount: number): Uint8Array {
  const builder = new RecordBatchBuilder()
  for (let index = 0; index < recordCount; index++) builder.append(null, new Uint8Array(20), 0)
  const bytes = builder.finish().slice()
  assignBatch(new DataView(bytes.buffer), 0, baseOffset, 0)
  return bytes
}

function pushOf(...batches: Uint8Array[]) {
  return { subscriptionId: 1, highWatermark: 100, batches: Buffer.concat(batches) }
}

function started(offset: number, windowBytes = 1000): Subscription {
  const subscription = new Subscription(1, offset, windowBytes)
  subscription.started({ offset: Math.max(0, offset), highWatermark: 100, logStartOffset: 0 })
  return subscription
}

describe('Subscription', () => {
  it('asks for where it left off after a reconnect', () => {
    const subscription = started(earliestOffset)
    subscription.delivered(pushOf(batchAt(0, 3), batchAt(3, 2)))
    subscription.ended()
    expect(subscription.request(9, 5000)).to.include({ offset: 5, partitionId: 9 })
  })

  it('leaves out what came before and trims a batch that begins too early', () => {
    const subscription = started(4)
    const found = subscription.delivered(pushOf(batchAt(0, 3), batchAt(3, 4), batchAt(7, 1)))
    expect(found.map(({ firstOffset, lastOffset }) => [firstOffset, lastOffset])).to.deep.equal([
      [4, 6],
      [7, 7],
    ])
    expect(subscription.delivered(pushOf(batchAt(3, 4)))).to.deep.equal([])
  })

  it('grants again what was consumed, in steps of half a window', () => {
    const subscription = started(0)
    const [first] = subscription.delivered(pushOf(batchAt(0, 10)))
    expect(subscription.creditDue()).to.equal(0)
    expect(subscription.consumed(first!.sizeBytes)).to.equal(0)
    const [second] = subscription.delivered(pushOf(batchAt(10, 10)))
    expect(subscription.consumed(second!.sizeBytes)).to.equal(first!.sizeBytes + second!.sizeBytes)
  })

  it('grants again what it left out', () => {
    const subscription = started(50, 100)
    subscription.delivered(pushOf(batchAt(0, 10)))
    expect(subscription.creditDue()).to.equal(batchAt(0, 10).length)
  })

  it('asks only for the credit that is free when it subscribes again', () => {
    const subscription = started(0)
    const [batch] = subscription.delivered(pushOf(batchAt(0, 10)))
    expect(subscription.request(1, 5000).creditBytes).to.equal(1000 - batch!.sizeBytes)
    expect(subscription.request(1, 500).creditBytes).to.equal(500 - batch!.sizeBytes)
  })

  it('refuses a damaged batch', () => {
    const bytes = batchAt(0, 3)
    bytes[bytes.length - 1]! ^= 1
    expect(() => started(0).delivered(pushOf(bytes))).to.throw('CRC')
  })

  it('may begin again at the earliest only while no record was owed: not of an empty log, nor after the first', () => {
    const subscription = started(earliestOffset)
    expect(subscription.isAtEarliest).to.equal(true)
    subscription.delivered(pushOf(batchAt(0, 3)))
    expect(subscription.isAtEarliest).to.equal(false)
    expect(started(0).isAtEarliest).to.equal(false)
    const ofEmptyLog = new Subscription(1, earliestOffset, 1000)
    ofEmptyLog.started({ offset: 5, highWatermark: 5, logStartOffset: 5 })
    expect(ofEmptyLog.isAtEarliest).to.equal(false)
  })
})
