/**
 * The producing half of the client's core: order, numbers, retries and time limits, with fake time.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import {
  maxBatchesInFlight,
  noIdentity,
  PartitionProducer,
  sequenceAfter,
} from '../../../native-free-core/client/partition-producer.js'
import { BuilderPool, type ProduceBatch } from '../../../native-free-core/client/produce-batch.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { RecordBatchView } from '../../../native-free-core/log/record-batch.js'
import { keptBytes } from '../../support/young-objects.js'

const identity = { producerId: 7, producerEpoch: 0 }
const value = new Uint8Array(10)

function setUp(options: { batchBytes?: number; maxInFlight?: number } = {}) {
  const done: ProduceBatch[] = []
  const settings = { batchBytes: 1000, deliveryTimeoutMs: 1000, maxInFlight: maxBatchesInFlight, ...options }
  const producer = new PartitionProducer('t', 0, settings, new BuilderPool(), (batch) => done.push(batch))
  const add = (recordCount = 1, nowMs = 0) => {
    for (let index = 0; index < recordCount; index++) producer.append(null, value, nowMs, [], nowMs)
    producer.seal()
  }
  /** Sends all that may be sent; returns the base sequences. */
  const sendAll = (nowMs = 0): ProduceBatch[] => {
    const sent: ProduceBatch[] = []
    for (let batch = producer.nextToSend(nowMs); batch !== undefined; batch = producer.nextToSend(nowMs)) {
      producer.sent(batch)
      sent.push(batch)
    }
    return sent
  }
  return { producer, done, add, sendAll }
}

const sequencesOf = (batches: ProduceBatch[]) => batches.map((batch) => batch.baseSequence)
const outOfOrder = new StreamBusError('OUT_OF_ORDER_SEQUENCE_NUMBER', 'a gap')
const unavailable = new StreamBusError('KAFKA_STORAGE_ERROR', 'the disk rests')
const tooLarge = new StreamBusError('MESSAGE_TOO_LARGE', 'too large')
const lost = new StreamBusError('NETWORK_EXCEPTION', 'lost')

describe('PartitionProducer', () => {
  it('sends nothing before it has a producer id', () => {
    const { producer, add, sendAll } = setUp()
    add()
    expect(producer.needsIdentity).to.equal(true)
    expect(sendAll()).to.have.length(0)
    producer.setIdentity(identity)
    expect(sendAll()).to.have.length(1)
  })

  it('numbers batches by their records and has at most five in flight', () => {
    const { producer, add, sendAll } = setUp()
    producer.setIdentity(identity)
    for (let count = 1; count <= 7; count++) add(count)
    const sent = sendAll()
    expect(sequencesOf(sent)).to.deep.equal([0, 1, 3, 6, 10])
    expect(new RecordBatchView(sent[1]!.bytes!).producerId).to.equal(7)
    producer.acknowledged(sent[0]!, 0)
    expect(sequencesOf(sendAll())).to.deep.equal([15])
  })

  it('sends again from the oldest on, and only when all in flight are answered', () => {
    const { producer, add, sendAll, done } = setUp()
    producer.setIdentity(identity)
    for (let count = 0; count < 3; count++) add()
    const [first, second, third] = sendAll() as [ProduceBatch, ProduceBatch, ProduceBatch]
    producer.refused(first, unavailable, 0, 0)
    add()
    expect(sendAll(1000)).to.have.length(0)
    producer.refused(second, outOfOrder, 0, 0)
    producer.refused(third, outOfOrder, 0, 0)
    expect(sendAll(0), 'before the backoff is over').to.have.length(0)
    for (const sequence of [0, 1, 2]) {
      const again = sendAll(500)
      expect(sequencesOf(again), 'one by one').to.deep.equal([sequence])
      producer.acknowledged(again[0]!, sequence)
    }
    expect(sequencesOf(sendAll(500))).to.deep.equal([3])
    expect(done.splice(0)).to.have.length(3)
    expect(done).to.have.length(0)
  })

  it('repeats the very same bytes after a lost connection', () => {
    const { producer, add, sendAll } = setUp()
    producer.setIdentity(identity)
    add(3)
    add(2)
    const before = sendAll().map((batch) => batch.bytes!.slice())
    producer.disconnected(lost)
    const again: Uint8Array[] = []
    for (let [batch] = sendAll(); batch !== undefined; [batch] = sendAll()) {
      again.push(batch.bytes!.slice())
      producer.acknowledged(batch, 0)
    }
    expect(again).to.deep.equal(before)
  })

  it('keeps later batches back as long as one of unknown outcome is sent again', () => {
    const { producer, add, sendAll } = setUp()
    producer.setIdentity(identity)
    add()
    sendAll()
    producer.disconnected(lost)
    add()
    add()
    const [again, ...none] = sendAll()
    expect(none).to.deep.equal([])
    producer.refused(again!, unavailable, 0, 0)
    expect(sequencesOf(sendAll(1000))).to.deep.equal([0])
  })

  it('takes a new producer id when the oldest is refused for its sequence, and numbers all anew', () => {
    const { producer, add, sendAll } = setUp()
    producer.setIdentity(identity)
    add()
    add()
    add()
    const [first, second, third] = sendAll() as [ProduceBatch, ProduceBatch, ProduceBatch]
    producer.refused(first, tooLarge, 0, 0)
    producer.refused(second, outOfOrder, 0, 0)
    expect(producer.needsIdentity, 'while one is in flight').to.equal(false)
    producer.refused(third, outOfOrder, 0, 0)
    expect(producer.needsIdentity).to.equal(true)
    producer.setIdentity({ producerId: 8, producerEpoch: 0 })
    for (const sequence of [0, 1]) {
      const [batch] = sendAll()
      expect(new RecordBatchView(batch!.bytes!)).to.include({ producerId: 8, baseSequence: sequence })
      producer.acknowledged(batch!, sequence)
    }
  })

  it('counts a batch that the broker had long ago as delivered', () => {
    const { producer, add, sendAll, done } = setUp()
    producer.setIdentity(identity)
    add()
    const [batch] = sendAll()
    producer.refused(batch!, new StreamBusError('DUPLICATE_SEQUENCE_NUMBER', 'known'), 0, 0)
    expect(done.map(({ error, baseOffset }) => ({ error, baseOffset }))).to.deep.equal([
      { error: undefined, baseOffset: -1 },
    ])
  })

  it('ends what is not delivered in time, in flight or not, naming the last refusal', () => {
    const { producer, add, sendAll, done } = setUp()
    producer.setIdentity(identity)
    add(2)
    const [batch] = sendAll()
    producer.refused(batch!, unavailable, 10, 0)
    sendAll(500)
    add(1, 900)
    producer.expire(999)
    expect(done).to.have.length(0)
    producer.expire(1000)
    expect(done).to.have.length(1)
    expect(done[0]!.error?.name).to.equal('REQUEST_TIMED_OUT')
    expect(done[0]!.error?.message).to.include('2 records for t-0').and.include('the disk rests')
    producer.acknowledged(done[0]!, 5)
    expect(sendAll(1000), 'a late answer changes nothing').to.have.length(1)
  })

  it('ends an open batch in time, too', () => {
    const { producer, done } = setUp()
    producer.append(null, value, 0, [], 0)
    producer.expire(1000)
    expect(done).to.have.length(1)
    expect(producer.isIdle).to.equal(true)
  })

  it('has one batch in flight and no numbers without idempotence', () => {
    const { producer, add, sendAll } = setUp({ maxInFlight: 1 })
    producer.setIdentity(noIdentity)
    add()
    add()
    expect(sequencesOf(sendAll())).to.deep.equal([-1])
  })

  it('is full before a batch would pass its size', () => {
    const { producer } = setUp({ batchBytes: 200 })
    let recordCount = 0
    while (!producer.isFullFor(null, value, [])) {
      producer.append(null, value, 0, [], 0)
      recordCount++
    }
    expect(producer.openBatch!.builder.sizeBytes).to.be.at.most(200)
    expect(recordCount).to.be.greaterThan(3)
  })

  it('goes on at sequence 0 after the largest', () => {
    expect(sequenceAfter(0x7fff_fffe, 1)).to.equal(0x7fff_ffff)
    expect(sequenceAfter(0x7fff_ffff, 1)).to.equal(0)
    expect(sequenceAfter(0x7fff_fffd, 5)).to.equal(2)
  })
})

describe('batches that were acknowledged', () => {
  it('go with the next collection of young objects', () => {
    const { producer, add, sendAll, done } = setUp()
    producer.setIdentity(identity)
    // Of 60,000 batches those that were numbered with an object made by spread keep 24 MB.
    const kept = keptBytes(60_000, (round) => {
      add()
      for (const batch of sendAll()) producer.acknowledged(batch, round)
      done.length = 0
    })
    expect(kept).to.be.below(1_000_000)
  })
})
