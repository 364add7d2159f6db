/**
 * Objectives are judged by the median of rounds, ratios in each round, and nothing holds that was not measured.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { type Results, resultsVersion, type Sample } from '../../../../bench/compare/results.js'
import { type RowId, rows, type SubjectId } from '../../../../bench/compare/rows.js'
import { judge, type Judgement, judgeWs } from '../../../../bench/report/judge.js'
import { latencyPlot, throughputPlot } from '../../../../bench/report/plots.js'
import { rendered } from '../../../../bench/report/pages.js'
import { failuresTable } from '../../../../bench/report/tables.js'
import { type LatencyResult, type RunResult, runResultVersion } from '../../../../src/bench/run-result.js'

const machine = { processor: 'X', cores: 2, memoryGiB: 4, platform: 'linux x64', fileSystem: 'ext4', node: 'v20.0.0' }

function resultsOf(samples: readonly Sample[]): Results {
  const at = '2026-01-01T00:00:00.000Z'
  const head = { version: resultsVersion, release: '0.3.0', startedAt: at, endedAt: at, rounds: 3, seconds: 2 } as const
  return { ...head, crashGigabytes: 1, machine, subjects: {}, samples: [...samples] }
}

function run(given: Partial<RunResult>): RunResult {
  const load = { kind: 'produce', topics: 1, partitions: 1, connections: 1, threads: 1, recordBytes: 100 } as const
  return {
    version: runResultVersion,
    name: '',
    subject: '',
    startedAt: '',
    load: { ...load, batchBytes: 1, lingerMs: 0, compression: 'none', flush: 'commit' },
    environment: { node: '', release: '', processor: '', cores: 2, platform: '' },
    warmUpSeconds: 1,
    seconds: 2,
    records: { sent: 1, acknowledged: 1, failed: 0 },
    recordsPerSecond: 1,
    mebibytesPerSecond: 1,
    latency: {},
    cpu: { clientSecondsPerMillion: 1, clientPercent: 1 },
    broker: {},
    timeline: [],
    calibrationMs: 20,
    ...given,
  }
}

/** One sample a round. */
function rounds(row: RowId, subject: SubjectId, results: readonly Partial<RunResult>[]): Sample[] {
  return results.map((result, index) => ({ round: index + 1, row, subject, result: run(result) }))
}

const rates = (row: RowId, subject: SubjectId, ...values: number[]) =>
  rounds(
    row,
    subject,
    values.map((recordsPerSecond) => ({ recordsPerSecond })),
  )

function latency(p99Ms: number): LatencyResult {
  const others = { p50Ms: p99Ms / 2, p90Ms: p99Ms, p95Ms: p99Ms, p999Ms: p99Ms, p9999Ms: p99Ms, maxMs: p99Ms }
  return { count: 1, meanMs: p99Ms, p99Ms, ...others }
}

function judged(judgements: readonly Judgement[], row: RowId, wanted: RegExp): Judgement {
  return judgements.find((one) => one.row.id === row && wanted.test(one.wanted))!
}

describe('objectives of npm run bench:all', () => {
  it('compare with a peer in the same round, and take the median of those ratios', () => {
    const own = rates('produce-100', 'streambus-uws', 2e6, 1e6, 3e6)
    const peer = rates('produce-100', 'kafka', 1e6, 0.4e6, 1e6)
    const one = judged(judge(resultsOf([...own, ...peer])), 'produce-100', /2 x Kafka, not synced/)
    expect([one.measured, one.spread?.lowest, one.spread?.highest, one.verdict]).to.deep.equal([2.5, 2, 3, 'held'])
  })

  it('tell by how much one is missed', () => {
    const own = rates('replay-100', 'streambus-uws', 3e6)
    expect(judged(judge(resultsOf(own)), 'replay-100', /4 M/).verdict).to.equal('missed by 25 %')
    const late = rounds('one-at-a-time', 'streambus-uws', [{ latency: { endToEnd: latency(5) } }])
    expect(judged(judge(resultsOf(late)), 'one-at-a-time', /P99/).verdict).to.equal('missed by a factor of 5')
  })

  it('are not measured without a figure: a failed run, a void one, a peer that is not there', () => {
    const failed: Sample = { round: 1, row: 'replay-100', subject: 'streambus-uws', failed: 'it ended with 1' }
    const own = rates('produce-100', 'streambus-uws', 5e6)
    const untrue = rounds('one-at-a-time', 'streambus-uws', [{ void: 'late', latency: { endToEnd: latency(0.1) } }])
    const results = resultsOf([failed, ...own, ...untrue])
    const judgements = judge(results)
    expect(judged(judgements, 'replay-100', /4 M/).isHeld).to.equal(undefined)
    expect(judged(judgements, 'produce-100', /Kafka, synced/).verdict).to.equal('not measured')
    expect(judged(judgements, 'one-at-a-time', /P99/).verdict).to.equal('not measured')
    expect(failuresTable(results)).to.contain('it ended with 1').and.to.contain('late')
  })

  it('are missed at a rate that was not held, whatever the latency', () => {
    const slow = { recordsPerSecond: 31_000, latency: { produce: latency(0.1) } }
    const one = judged(judge(resultsOf(rounds('rate-50k-p1', 'streambus-uws', [slow]))), 'rate-50k-p1', /P99 /)
    expect(one.verdict).to.equal('missed: only 31,000 records/s')
  })

  it('compare the rate that was reached with what was asked for, in each round and in the median', () => {
    const asked = (rate: number, recordsPerSecond: number) => {
      const { load } = run({})
      return { load: { ...load, rate }, recordsPerSecond, latency: { produce: latency(0.1) } }
    }
    const half = (...results: Partial<RunResult>[]) =>
      judged(judge(resultsOf(rounds('half', 'streambus-uws', results))), 'half', /P99 /).verdict
    expect(half(asked(6e5, 6e5), asked(7e5, 7e5), asked(8e5, 7e5))).to.equal('held')
    expect(half(asked(6e5, 5e5), asked(7e5, 7e5), asked(8e5, 7.5e5))).to.equal('missed: only 700,000 records/s')
    expect(half(asked(6e5, 6e5), asked(7e5, 6e5), asked(8e5, 8e5))).to.equal('missed: only 600,000 records/s')
  })

  it('count pauses a minute over all rounds, and the longest of them all', () => {
    const gc = (pausesOver1Ms: number, longestPauseMs: number) => ({
      seconds: 6,
      broker: { gc: [{ thread: 'shard 0', pausesOver1Ms, longestPauseMs, pausedPercent: 0 }] },
    })
    const judgements = judge(resultsOf(rounds('half', 'streambus-uws', [gc(0, 1), gc(1, 2), gc(0, 7)])))
    expect(judged(judgements, 'half', /pauses over 1 ms/).measured).to.be.closeTo((1 / 18) * 60, 1e-9)
    expect(judged(judgements, 'half', /longest/).measured).to.equal(7)
  })

  it('compare ws with uws', () => {
    const own = rates('produce-100', 'streambus-uws', 2e6)
    const ws = rates('produce-100', 'streambus-ws', 1e6)
    expect(judged(judgeWs(resultsOf([...own, ...ws])), 'produce-100', /0.7/).verdict).to.equal('missed by 28.6 %')
    // A row that is newer than the results is not one that they lack.
    expect(judgeWs(resultsOf([...own, ...ws])).map(({ row }) => row.id)).to.deep.equal(['produce-100'])
  })

  it('refer to rows that there are', () => {
    const ids = new Set(rows.map(({ id }) => id))
    expect(ids.size).to.equal(rows.length)
    const named = rows.flatMap(({ objectives }) => objectives.flatMap(({ over }) => over?.row ?? []))
    expect(named.filter((id) => !ids.has(id))).to.deep.equal([])
  })
})

describe('pages of npm run bench:all', () => {
  it('change between the markers only', () => {
    const page = 'before\n<!-- measured: failures -->\nold\n<!-- end of measured -->\nafter\n'
    const made = rendered(page, resultsOf([]))
    expect(made).to.match(/^before\n<!-- measured: failures -->\n[^]*<!-- end of measured -->\nafter\n$/)
    expect(made).to.contain('Every run of every row gave a figure.').and.not.to.contain('old')
    expect(rendered(made, resultsOf([]))).to.equal(made)
  })

  it('have each part where its own markers are, also where nothing was between them', () => {
    const empty = (name: string) => `<!-- measured: ${name} -->\n<!-- end of measured -->\n`
    const made = rendered(`${empty('failures')}between\n${empty('start')}`, resultsOf([]))
    expect(made.match(/<!-- .*? -->|between|Every run|Not measured/g)).to.deep.equal([
      '<!-- measured: failures -->',
      'Every run',
      '<!-- end of measured -->',
      'between',
      '<!-- measured: start -->',
      'Not measured',
      '<!-- end of measured -->',
    ])
  })

  it('refuse a part that there is not', () => {
    expect(() => rendered('<!-- measured: nothing -->\n\n<!-- end of measured -->', resultsOf([]))).to.throw(/nothing/)
  })

  it('have plots for no results and for some', () => {
    const own = rates('produce-100', 'streambus-uws', 2e6)
    const timely = rounds('rate-10k-p1', 'streambus-uws', [{ latency: { produce: latency(1.5) } }])
    for (const results of [resultsOf([]), resultsOf([...own, ...timely])]) {
      for (const plot of [throughputPlot(results), latencyPlot(results)]) {
        expect(plot)
          .to.match(/^<svg [^]*<\/svg>\n$/)
          .and.not.to.match(/NaN|Infinity|undefined/)
      }
    }
  })
})
