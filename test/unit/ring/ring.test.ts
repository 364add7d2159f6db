/**
 * The ring's two ends in one thread: every frame size at every position of the lap, padding, a full ring, wrapping
 * counters, and the orders in which a doorbell can be rung.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { createDoorbell, Doorbell } from '../../../native-free-core/ring/doorbell.js'
import { createRing, largestBodyBytes, RingConsumer, RingProducer } from '../../../native-free-core/ring/ring.js'
import {
  isRingCapacity,
  ringFrameBytes,
  ringFrameHeaderBytes,
  ringHeaderBytes,
  ringHeadIndex,
  ringSizeBytes,
  ringTailIndex,
  ringUnitBytes,
  ringUnitShift,
} from '../../../native-free-core/ring/ring-layout.js'
import { type Random, seedOfRun, withSeed } from '../../support/random.js'

const capacityBytes = 4096

function put(producer: RingProducer, type: number, bodyBytes: number, mark: number): boolean {
  const at = producer.claim(type, bodyBytes)
  if (at < 0) return false
  producer.bytes.fill(mark & 0xff, at, at + bodyBytes)
  producer.publish()
  return true
}

function expectFrame(consumer: RingConsumer, type: number, bodyBytes: number, mark: number): void {
  expect(consumer.next()).to.equal(true)
  expect([consumer.type, consumer.bodyBytes]).to.deep.equal([type, bodyBytes])
  const body = consumer.bytes.subarray(consumer.bodyPosition, consumer.bodyPosition + bodyBytes)
  expect(body.every((byte) => byte === (mark & 0xff))).to.equal(true)
  consumer.release()
}

/** A ring whose both counters stand at `units`. */
function ringAt(units: number): SharedArrayBuffer {
  const memory = createRing(capacityBytes)
  const counters = new Int32Array(memory)
  counters[ringTailIndex] = units
  counters[ringHeadIndex] = units
  return memory
}

describe('ring layout', () => {
  it('has the numbers of its drawing', () => {
    expect([ringTailIndex * 4, ringHeadIndex * 4, ringHeaderBytes]).to.deep.equal([0, 128, 256])
    expect([ringFrameHeaderBytes, ringUnitBytes, 1 << ringUnitShift]).to.deep.equal([8, 8, 8])
    expect(ringSizeBytes(4096)).to.equal(4352)
    expect([0, 1, 8, 9].map(ringFrameBytes)).to.deep.equal([8, 16, 16, 24])
  })

  it('takes powers of two from 4 KiB to 1 GiB as capacity and nothing else', () => {
    expect([4096, 8192, 2 ** 30].every(isRingCapacity)).to.equal(true)
    expect([0, 2048, 4097, 6000, 2 ** 31].some(isRingCapacity)).to.equal(false)
  })
})

describe('ring', () => {
  it('carries a frame of every size at every position of the lap', () => {
    const largest = largestBodyBytes(capacityBytes)
    const sizes = [0, 1, 7, 8, 9, 63, 64, 1000, largest - 8, largest - 1, largest]
    for (let unit = 0; unit < capacityBytes / ringUnitBytes; unit++) {
      for (const size of sizes) {
        const memory = ringAt(unit)
        const producer = new RingProducer(memory)
        const consumer = new RingConsumer(memory)
        expect(put(producer, 1, size, unit + size), `unit ${unit}, size ${size}`).to.equal(true)
        expectFrame(consumer, 1, size, unit + size)
        expect(consumer.next()).to.equal(false)
        expect(producer.freeBytes()).to.equal(capacityBytes)
      }
    }
  })

  it('goes on where its 32-bit counters wrap', () => {
    for (const start of [0x7fffffff - 600, -600]) {
      const memory = ringAt(start & ~0x1ff)
      const producer = new RingProducer(memory)
      const consumer = new RingConsumer(memory)
      for (let step = 0; step < 400; step++) {
        expect(put(producer, 2, step, step)).to.equal(true)
        expectFrame(consumer, 2, step, step)
      }
    }
  })

  it('refuses a frame when it is full and takes it when a frame was released', () => {
    const memory = createRing(capacityBytes)
    const producer = new RingProducer(memory)
    const consumer = new RingConsumer(memory)
    let count = 0
    while (put(producer, 3, 56, count)) count++
    expect(count).to.equal(capacityBytes / 64)
    expect([producer.freeBytes(), producer.usedBytes()]).to.deep.equal([0, capacityBytes])
    expectFrame(consumer, 3, 56, 0)
    expect(put(producer, 3, 56, count)).to.equal(true)
    for (let index = 1; index <= count; index++) expectFrame(consumer, 3, 56, index)
    expect(consumer.isEmpty()).to.equal(true)
  })

  it('refuses a frame that would need the padding before it as well', () => {
    const memory = ringAt(capacityBytes / ringUnitBytes - 2)
    const producer = new RingProducer(memory)
    // 16 bytes are left of the lap: a frame of 4096 - 8 - 16 bytes fits only without them.
    expect(producer.claim(1, capacityBytes - 16)).to.equal(-1)
    expect(producer.claim(1, capacityBytes - 24)).to.equal(ringFrameHeaderBytes)
  })

  it('shows nothing of a claimed frame before it is published', () => {
    const memory = createRing(capacityBytes)
    const producer = new RingProducer(memory)
    const consumer = new RingConsumer(memory)
    producer.claim(1, 100)
    expect([consumer.isEmpty(), consumer.next()]).to.deep.equal([true, false])
    producer.publish()
    expect([consumer.isEmpty(), consumer.next()]).to.deep.equal([false, true])
  })

  it('finds a frame again after retry, behind padding too', () => {
    const memory = ringAt(capacityBytes / ringUnitBytes - 1)
    const producer = new RingProducer(memory)
    const consumer = new RingConsumer(memory)
    put(producer, 9, 40, 7)
    expect(consumer.next()).to.equal(true)
    consumer.retry()
    expectFrame(consumer, 9, 40, 7)
  })

  it('asserts the order of claim, publish, next and release', () => {
    const memory = createRing(capacityBytes)
    const producer = new RingProducer(memory)
    const consumer = new RingConsumer(memory)
    expect(() => producer.publish()).to.throw('publish without')
    producer.claim(1, 1)
    expect(() => producer.claim(1, 1)).to.throw('claimed and not published')
    producer.publish()
    expect(() => consumer.release()).to.throw('release without')
    consumer.next()
    expect(() => consumer.next()).to.throw('next before release')
  })

  it('keeps content and order over random steps of both ends', () => {
    withSeed(seedOfRun(), 'npm test -- test/unit/ring/ring.test.ts', randomSteps)
  })
})

function randomSteps(random: Random): void {
  const memory = ringAt(random.word() & ~0x1ff)
  const producer = new RingProducer(memory)
  const consumer = new RingConsumer(memory)
  const waiting: { type: number; bodyBytes: number; mark: number }[] = []
  for (let step = 0; step < 20_000; step++) {
    const frame = { type: random.between(1, 9), bodyBytes: random.below(random.pick([16, 200, 2041])), mark: step }
    if (random.chance(0.5)) {
      if (put(producer, frame.type, frame.bodyBytes, frame.mark)) waiting.push(frame)
      else expect(waiting.length, 'an empty ring refused a frame').to.be.greaterThan(0)
    } else {
      const first = waiting.shift()
      if (first === undefined) expect(consumer.next()).to.equal(false)
      else expectFrame(consumer, first.type, first.bodyBytes, first.mark)
    }
  }
}

describe('doorbell', () => {
  const parked = (memory: SharedArrayBuffer): number => Atomics.load(new Int32Array(memory), 0)

  it('does not sleep when it was rung between park and sleep', () => {
    const doorbell = new Doorbell(createDoorbell())
    doorbell.park()
    doorbell.ring()
    // Would block the test for ever if the ring were lost.
    doorbell.sleep(Number.POSITIVE_INFINITY)
    expect(doorbell.wait()).to.equal(undefined)
  })

  it('is no signal that is kept: a ring before park says nothing, so rings are looked into after park', () => {
    const memory = createDoorbell()
    const doorbell = new Doorbell(memory)
    doorbell.ring()
    doorbell.park()
    expect(parked(memory)).to.equal(1)
    doorbell.unpark()
    expect(parked(memory)).to.equal(0)
  })

  it('is unparked after its time is over', () => {
    const memory = createDoorbell()
    const doorbell = new Doorbell(memory)
    doorbell.park()
    doorbell.sleep(1)
    expect(parked(memory)).to.equal(0)
  })

  it('ends the promise of a thread with an event loop', async () => {
    const doorbell = new Doorbell(createDoorbell())
    doorbell.park()
    const rung = doorbell.wait()
    expect(rung).to.be.instanceOf(Promise)
    doorbell.ring()
    await rung
  })
})
