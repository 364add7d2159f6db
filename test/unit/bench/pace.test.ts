/**
 * The open loop: how many records fall due when, and on which thread.
 * Runs on: the test process, with a pacer that it is itself.
 */
import { expect } from 'chai'
import { clockMs } from '../../../src/bench/clock.js'
import { alarmIntervalMs, paced, type Schedule } from '../../../src/bench/thread/pace.js'

/** Rings as the pacer does, until `done`. */
async function ringWhile(alarm: Int32Array, done: Promise<void>): Promise<void> {
  const timer = setInterval(() => {
    Atomics.add(alarm, 0, 1)
    Atomics.notify(alarm, 0)
  }, 1)
  await done.finally(() => clearInterval(timer))
}

async function run(schedule: Omit<Schedule, 'startMs'>): Promise<{ count: number; dues: number[] }> {
  const alarm = new Int32Array(new SharedArrayBuffer(4))
  const startMs = clockMs()
  let count = 0
  const dues: number[] = []
  const send = (due: number, dueMs: number): undefined => {
    expect(clockMs()).to.be.at.least(dueMs)
    count += due
    dues.push(dueMs - startMs)
  }
  const late = (lateMs: number) => expect(lateMs).to.be.at.least(0)
  await ringWhile(alarm, paced({ ...schedule, startMs }, alarm, { send, late, isStopped: () => false }))
  return { count, dues }
}

const one = { threadIndex: 0, threadCount: 1 }

describe('an open loop', () => {
  it('sends as many records as the rate says, each step once, however late it is', async () => {
    const { count, dues } = await run({ ...one, rate: 5000, seconds: 0.2, stepMs: 1 })
    expect(count).to.equal(1000)
    expect(dues).to.deep.equal([...dues].sort((a, b) => a - b))
    expect(dues.length).to.equal(200)
  })

  it('gives each record its own time where they are further apart than a step', async () => {
    expect(alarmIntervalMs(100, 1)).to.equal(10)
    const { count, dues } = await run({ ...one, rate: 100, seconds: 0.1, stepMs: 1 })
    expect(count).to.equal(10)
    expect(dues.map((dueMs) => Math.round(dueMs))).to.deep.equal([0, 10, 20, 30, 40, 50, 60, 70, 80, 90])
  })

  it('divides a rate over threads, so that none is sent twice and none is left out', async () => {
    const counts = await Promise.all(
      [0, 1, 2].map((threadIndex) => run({ threadIndex, threadCount: 3, rate: 1000, seconds: 0.1, stepMs: 1 })),
    )
    expect(counts.map(({ count }) => count)).to.deep.equal([34, 33, 33])
  })

  it('does not count as its own lateness what a full producer made it wait', async () => {
    const alarm = new Int32Array(new SharedArrayBuffer(4))
    const lateness: number[] = []
    let sends = 0
    const work = {
      send: () => (sends++ === 0 ? new Promise<void>((resolve) => setTimeout(resolve, 60)) : undefined),
      late: (lateMs: number) => lateness.push(lateMs),
      isStopped: () => false,
    }
    await ringWhile(alarm, paced({ ...one, startMs: clockMs(), rate: 1000, seconds: 0.02, stepMs: 1 }, alarm, work))
    expect(lateness.length).to.equal(20)
    // Each step but the first was due while it waited.
    expect(Math.min(...lateness.slice(1))).to.be.lessThan(5)
  })

  it('ends when it is stopped', async () => {
    const alarm = new Int32Array(new SharedArrayBuffer(4))
    let isStopped = false
    const work = { send: (): undefined => void (isStopped = true), late: () => {}, isStopped: () => isStopped }
    await ringWhile(alarm, paced({ ...one, startMs: clockMs(), rate: 10, seconds: 100, stepMs: 1 }, alarm, work))
  })
})
