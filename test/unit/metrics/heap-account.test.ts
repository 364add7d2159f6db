/**
 * What a thread allocated, told from its collections; one clock for all threads.
 * Runs on: the test process and a worker.
 */
import { expect } from 'chai'
import { getHeapStatistics } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { HeapAccount } from '../../../native-free-core/metrics/heap-account.js'
import { sharedClockOffsetMs } from '../../../native-free-core/metrics/shared-clock.js'

describe('HeapAccount', () => {
  it('adds what the heap grew by from look to look, and nothing for a look with a collection before it', () => {
    const account = new HeapAccount(100)
    expect([150, 150, 400, 120, 121].map((used) => account.look(used))).to.deep.equal([50, 0, 250, 0, 1])
  })

  it('is right about a loop that allocates a known amount', () => {
    const account = new HeapAccount(getHeapStatistics().used_heap_size)
    let last: number[] = []
    let bytes = 0
    const arrays = 20_000
    for (let count = 0; count < arrays; count++) {
      last = new Array<number>(500).fill(count)
      if (count % 10 === 0) bytes += account.look(getHeapStatistics().used_heap_size)
    }
    expect(last).to.have.length(500)
    // An element has 4 or 8 bytes, by the pointer compression of the build; a tenth may be missed.
    expect(bytes / (arrays * 500)).to.be.within(3.5, 10)
  })
})

describe('sharedClockOffsetMs', () => {
  it('takes the attempt that was interrupted least', () => {
    const readings = [0, 10, 20, 20.002, 30, 35, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130]
    let at = 0
    const now = (): number => readings[at++ % readings.length]!
    expect(sharedClockOffsetMs(() => [5, 0], now)).to.equal(5000 - 20.001)
  })

  it('makes two threads agree', async () => {
    const worker = new Worker("require('node:worker_threads').parentPort.postMessage(process.hrtime())", { eval: true })
    try {
      const [seconds, nanoseconds] = await new Promise<[number, number]>((resolve) => worker.once('message', resolve))
      const theirs = seconds * 1000 + nanoseconds / 1e6
      const ours = performance.now() + sharedClockOffsetMs(process.hrtime, () => performance.now())
      expect(ours - theirs, 'the shared clock').to.be.within(0, 1000)
    } finally {
      await worker.terminate()
    }
  })
})
