/**
 * One end of a ring in a thread of its own: produces or consumes frames whose size and content follow from a seed.
 * Runs on: a worker of the ring test. Touches: the ring, both doorbells.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'
import { RingConsumer, RingProducer } from '../../native-free-core/ring/ring.js'
import { Random } from '../support/random.js'

export interface RingRun {
  readonly role: 'producer' | 'consumer'
  readonly memory: SharedArrayBuffer
  /** The consumer sleeps on this one while the ring is empty. */
  readonly filled: SharedArrayBuffer
  /** The producer sleeps on this one while the ring is full. */
  readonly freed: SharedArrayBuffer
  readonly seed: number
  readonly frameCount: number
  readonly largestBodyBytes: number
}

/** A lost wake-up shows as a sleep that nobody ends: the test gives up after this. */
const lostAfterMs = 20_000

function produce(run: RingRun): number {
  const random = new Random(run.seed)
  const producer = new RingProducer(run.memory)
  const filled = new Doorbell(run.filled)
  const freed = new Doorbell(run.freed)
  let sleeps = 0
  for (let frame = 0; frame < run.frameCount; frame++) {
    const length = random.below(random.chance(0.05) ? run.largestBodyBytes + 1 : 40)
    let at = producer.claim((frame & 7) + 1, length)
    while (at < 0) {
      freed.park()
      at = producer.claim((frame & 7) + 1, length)
      if (at < 0) sleepOrFail(freed, `the producer at frame ${frame}`)
      else freed.unpark()
      sleeps++
    }
    producer.bytes.fill(frame & 0xff, at, at + length)
    producer.publish()
    filled.ring()
  }
  return sleeps
}

function consume(run: RingRun): number {
  const random = new Random(run.seed)
  const consumer = new RingConsumer(run.memory)
  const filled = new Doorbell(run.filled)
  const freed = new Doorbell(run.freed)
  let sleeps = 0
  for (let frame = 0; frame < run.frameCount; frame++) {
    while (!consumer.next()) {
      filled.park()
      if (consumer.isEmpty()) sleepOrFail(filled, `the consumer at frame ${frame}`)
      else filled.unpark()
      sleeps++
    }
    check(consumer, frame, random.below(random.chance(0.05) ? run.largestBodyBytes + 1 : 40))
    consumer.release()
    freed.ring()
  }
  if (!consumer.isEmpty()) throw new Error('frames are left behind the last one')
  return sleeps
}

function sleepOrFail(doorbell: Doorbell, who: string): void {
  const startMs = performance.now()
  doorbell.sleep(lostAfterMs)
  if (performance.now() - startMs >= lostAfterMs) throw new Error(`${who} was not woken: a ring of its bell was lost`)
}

function check(consumer: RingConsumer, frame: number, length: number): void {
  const { type, bodyBytes, bodyPosition, bytes } = consumer
  if (type !== (frame & 7) + 1 || bodyBytes !== length) {
    throw new Error(`frame ${frame} has type ${type}, ${bodyBytes} bytes; expected ${(frame & 7) + 1}, ${length}`)
  }
  for (let at = bodyPosition; at < bodyPosition + length; at++) {
    if (bytes[at] !== (frame & 0xff)) throw new Error(`byte ${at - bodyPosition} of frame ${frame} is ${bytes[at]}`)
  }
}

const run = workerData as RingRun
parentPort!.postMessage(run.role === 'producer' ? produce(run) : consume(run))
