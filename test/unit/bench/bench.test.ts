/**
 * The benchmarks' arithmetic, and short runs against a broker in memory.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { Latencies } from '../../../src/bench/measurements.js'
import { type RunResult, runResultVersion } from '../../../src/bench/run-result.js'
import { DueQueue, dueMsOf, paced, Payload } from '../../../src/bench/workload.js'
import { FakeBroker } from '../../support/fake-broker.js'
import { runCli } from '../../support/run-cli.js'

describe('bench', () => {
  it('keeps percentiles of latencies to three figures', () => {
    const latencies = new Latencies()
    for (let latencyMs = 1; latencyMs <= 1000; latencyMs++) latencies.record(latencyMs)
    const { count, p50Ms, p99Ms, maxMs } = latencies.summary()!
    expect(count).to.equal(1000)
    expect(p50Ms).to.be.closeTo(500, 1)
    expect(p99Ms).to.be.closeTo(990, 2)
    expect(maxMs).to.be.closeTo(1000, 1)
    expect(new Latencies().summary()).to.equal(undefined)
  })

  it('makes values that differ and say when they were due', () => {
    const payload = new Payload(20)
    const first = Buffer.from(payload.next(1.5))
    const second = payload.next(2.5)
    expect(first.equals(second)).to.equal(false)
    expect([dueMsOf(first, 0), dueMsOf(second, 0)]).to.deep.equal([1.5, 2.5])
    expect(() => new Payload(8)).to.throw('at least 16')
  })

  it('gives answers the due times of their records, oldest first, however batches cut them', () => {
    const queue = new DueQueue()
    for (const dueMs of [1, 1, 1, 2, 3, 3]) queue.push(dueMs)
    const taken: [number, number][] = []
    queue.take(2, (dueMs, count) => taken.push([dueMs, count]))
    queue.take(3, (dueMs, count) => taken.push([dueMs, count]))
    queue.take(9, (dueMs, count) => taken.push([dueMs, count]))
    expect(taken).to.deep.equal([
      [1, 2],
      [1, 1],
      [2, 1],
      [3, 1],
      [3, 1],
    ])
  })

  it('sends as many records as the rate says, each step once, however late it is', async () => {
    let count = 0
    let lastDueMs = 0
    await paced(
      5000,
      0.2,
      (due, dueMs) => {
        expect(dueMs).to.be.greaterThan(lastDueMs)
        lastDueMs = dueMs
        count += due
      },
      (lateMs) => expect(lateMs).to.be.at.least(0),
    )
    expect(count).to.equal(1000)
  })

  it('runs produce, consume and e2e to a report', async function () {
    this.timeout(30_000)
    const broker = await FakeBroker.start()
    const env = { STREAMBUS_SERVER: broker.address }
    const common = ['--topic', 'b', '--partitions', '2', '--json']
    const runs = [
      ['produce', '--seconds', '0.3', ...common],
      ['produce', '--rate', '1000', '--warm-up', '0.3', '--seconds', '0.3', ...common],
      ['consume', '--decode', ...common],
      ['e2e', '--rate', '500', '--seconds', '0.3', ...common],
    ]
    for (const args of runs) {
      const { exitCode, stdout, stderr } = await runCli(['bench', ...args], { env })
      expect(exitCode, stderr).to.equal(0)
      const { version, records, environment, calibrationMs } = JSON.parse(stdout) as RunResult
      expect(version).to.equal(runResultVersion)
      expect(environment.node).to.equal(process.version)
      expect(calibrationMs).to.be.greaterThan(0)
      const count = records.delivered ?? records.acknowledged
      expect(count, args.join(' ')).to.be.greaterThan(100)
      if (args.includes('--warm-up')) expect(count, 'the warm-up is not counted').to.equal(300)
    }
    await broker.stop()
  })
})
