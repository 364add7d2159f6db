/**
 * Reading back finds what a broker lost, repeated or mixed up: a verifier that can't fail proves nothing.
 * Runs on: the test process; a broker in memory that does wrong.
 */
import { expect } from 'chai'
import { RecordBatchBuilder } from '../../../native-free-core/log/record-batch-builder.js'
import { RecordBatchView, RecordReader } from '../../../native-free-core/log/record-batch.js'
import { runLoad } from '../../../src/bench/run-load.js'
import { Verifier } from '../../../src/bench/verifier.js'
import { FakeBroker } from '../../support/fake-broker.js'

const good = { lost: 0, duplicated: 0, outOfOrder: 0 }

/** One producer with ten records at offsets 100 to 109 of one place; `found`: number by offset. */
function verified(found: readonly (readonly [offset: number, number: number])[], ranges = [100, 110]) {
  const verifier = new Verifier([{ tag: 5, count: 10, ranges: [ranges] }])
  for (const [offset, number] of found) verifier.found(0, offset, 5, number)
  return verifier.result()
}

const all = Array.from({ length: 10 }, (_, number) => [100 + number, number] as const)

describe('the verifier', () => {
  it('finds nothing wrong with what is right, whatever others wrote between', () => {
    expect(verified(all)).to.deep.equal(good)
    const verifier = new Verifier([{ tag: 5, count: 2, ranges: [[3, 4, 7, 8]] }])
    for (const [offset, tag, number] of [
      [3, 5, 0],
      [4, 6, 0],
      [5, 6, 1],
      [7, 5, 1],
    ] as const) {
      verifier.found(0, offset, tag, number)
    }
    expect(verifier.result()).to.deep.equal(good)
  })

  it('counts a record that is not there, and one that another took the place of', () => {
    expect(verified(all.slice(0, 9))).to.deep.equal({ ...good, lost: 1 })
    expect(verified(all.map(([offset, number]) => [offset, number === 4 ? 77 : number]))).to.deep.equal({
      ...good,
      lost: 1,
    })
  })

  it('counts a batch as lost whose offsets were given to the next one as well', () => {
    // Two acknowledgements name the same offsets; the log has one of them.
    expect(verified(all, [100, 110, 105, 110])).to.deep.equal({ ...good, lost: 5 })
  })

  it('counts records that come again, and those that come after a later one', () => {
    expect(verified([...all, [110, 9], [111, 3]])).to.deep.equal({ ...good, duplicated: 2 })
    const swapped = all.map(([offset, number]) => [offset, number === 4 ? 5 : number === 5 ? 4 : number] as const)
    expect(verified(swapped)).to.deep.equal({ ...good, outOfOrder: 1 })
  })

  it('does not miss records that failed, there or not', () => {
    expect(verified(all.slice(0, 6), [100, 106])).to.deep.equal(good)
    expect(verified(all, [100, 106])).to.deep.equal(good)
  })
})

describe('reading back after a run', function () {
  this.timeout(20_000)
  let broker: FakeBroker
  beforeEach(async () => {
    broker = await FakeBroker.start()
  })
  afterEach(() => broker.stop())

  async function recordsOf(rate = 1000) {
    const load = { kind: 'produce', rate, seconds: 0.2, lingerMs: 0, maxLatenessMs: 1e6 } as const
    return (await runLoad({ server: broker.address }, load)).records
  }

  /** Every second batch: the first, which the run waits for, is well. */
  function everySecond(tamper: (bytes: Uint8Array) => readonly Uint8Array[]): void {
    let count = 0
    broker.keep = (bytes) => (++count % 2 === 0 ? tamper(bytes) : [bytes])
  }

  it('finds what a broker acknowledged and dropped', async () => {
    everySecond(() => [])
    const { acknowledged, lost, duplicated } = await recordsOf()
    expect(acknowledged).to.equal(200)
    expect(lost).to.be.greaterThan(0)
    expect(duplicated).to.equal(0)
  })

  it('finds what a broker stored twice', async () => {
    everySecond((bytes) => [bytes, bytes])
    const { duplicated, lost } = await recordsOf()
    expect(duplicated).to.be.greaterThan(0)
    expect(lost).to.equal(0)
  })

  it('finds records that a broker swapped', async () => {
    broker.keep = (bytes) => [reversed(bytes)]
    const { lost, outOfOrder } = await recordsOf(20_000)
    expect(outOfOrder).to.be.greaterThan(0)
    expect(lost).to.equal(0)
  })

  it('counts as lost what can not be read any more', async () => {
    everySecond((bytes) => [withByteFlipped(bytes)])
    expect((await recordsOf()).lost).to.be.greaterThan(0)
  })
})

/** The same records the other way round, in a batch that is valid. */
function reversed(bytes: Uint8Array): Uint8Array {
  const reader = new RecordReader().over(new RecordBatchView(new Uint8Array(bytes)))
  const records: { value: Uint8Array; timestamp: number }[] = []
  while (reader.next()) records.push({ value: new Uint8Array(reader.value!), timestamp: reader.timestamp })
  const builder = new RecordBatchBuilder()
  for (const { value, timestamp } of records.reverse()) builder.append(null, value, timestamp)
  return new Uint8Array(builder.finish())
}

function withByteFlipped(bytes: Uint8Array): Uint8Array {
  const flipped = new Uint8Array(bytes)
  flipped[flipped.length - 3]! ^= 1
  return flipped
}
