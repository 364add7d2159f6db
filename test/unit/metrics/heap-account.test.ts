/**
 * What a thread allocated, told from its collections; one clock for all threads.
 * Runs on: the test process and a worker.
 */
import { expect } from 'chai'
import { GCProfiler, getHeapStatistics } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { allocatedBytes } from '../../../native-free-core/metrics/heap-account.js'
import { sharedClockOffsetMs } from '../../../native-free-core/metrics/shared-clock.js'

function collection(before: number, after: number) {
  return {
    cost: 1,
    beforeGC: { heapStatistics: { usedHeapSize: before } },
    afterGC: { heapStatistics: { usedHeapSize: after } },
  }
}

describe('allocatedBytes', () => {
  it('adds what came before, between and after collections', () => {
    expect(allocatedBytes(100, [], 150)).to.equal(50)
    expect(allocatedBytes(100, [collection(400, 120), collection(220, 110)], 111)).to.equal(300 + 100 + 1)
  })

  it('counts nothing negative when the heap shrank by itself', () => {
    expect(allocatedBytes(500, [collection(400, 390)], 300)).to.equal(0)
  })

  it('is right about a loop that allocates a known amount', () => {
    const before = getHeapStatistics().used_heap_size
    const profiler = new GCProfiler()
    profiler.start()
    let last: number[] = []
    const arrays = 20_000
    for (let count = 0; count < arrays; count++) last = new Array<number>(500).fill(count)
    const collections = profiler.stop()!.statistics
    const bytes = allocatedBytes(before, collections, getHeapStatistics().used_heap_size)
    expect(last).to.have.length(500)
    expect(collections.length).to.be.greaterThan(0)
    // An element has 4 or 8 bytes, by the pointer compression of the build.
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
