/**
 * Measures every row with every subject, round after round, in turn, and keeps each run as soon as it is there.
 * Runs on: main. Touches: the subjects, the results file.
 */
import { calibrationMs } from '../../src/bench/environment.js'
import type { RunResult } from '../../src/bench/run-result.js'
import { runTool } from './processes.js'
import { rateOf } from './rate-of.js'
import { type Results, type Sample, figuresOf, withoutBulk, writeResults } from './results.js'
import type { Row, SubjectId } from './rows.js'
import type { Request, Subject } from './subject.js'

export interface RunnerOptions {
  readonly rows: readonly Row[]
  readonly subjects: Readonly<Partial<Record<SubjectId, Subject>>>
  readonly results: Results
  readonly path: string
  readonly warmUpSeconds: number
  /** Ends the run after the sample that is being measured. */
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}

/** Not started again after it failed so often. */
const mostStarts = 4
const startLimitMs = 240_000
/** For whatever a subject's own limits do not bound. */
const sampleLimitMs = 300_000
/** Making what the start after a crash is measured on. */
const limitMsPerGigabyte = 120_000

export class Runner {
  private readonly starts = new Map<SubjectId, number>()
  private topics = 0
  private readonly options: RunnerOptions

  constructor(options: RunnerOptions) {
    this.options = options
  }

  async run(): Promise<void> {
    const { results, rows, signal } = this.options
    // All are up and warm before the first is measured: each of them costs the others what it costs when idle.
    for (const id of this.usedSubjects()) {
      if (signal.aborted) return
      await this.bringUp(id).catch(() => undefined)
    }
    for (let round = 1; round <= results.rounds; round++) {
      for (const id of this.usedSubjects()) this.options.subjects[id]!.beginRound()
      for (const row of rows) {
        for (const id of this.inTurn(row, round)) {
          if (signal.aborted) return
          if (!this.isKnown(round, row, id)) await this.sample(round, row, id)
        }
      }
    }
  }

  private usedSubjects(): SubjectId[] {
    const used = new Set(this.options.rows.flatMap((row) => row.subjects))
    return [...used].filter((id) => this.options.subjects[id] !== undefined)
  }

  /** Another one first in each round: what a row leaves to the next is not always the same one's. */
  private inTurn(row: Row, round: number): SubjectId[] {
    const ids = row.subjects.filter((id) => this.options.subjects[id] !== undefined)
    const first = (round - 1) % Math.max(1, ids.length)
    return [...ids.slice(first), ...ids.slice(0, first)]
  }

  /** A resumed run measures what failed again. */
  private isKnown(round: number, row: Row, subject: SubjectId): boolean {
    return this.options.results.samples.some(
      (one) => one.round === round && one.row === row.id && one.subject === subject && one.result !== undefined,
    )
  }

  private async sample(round: number, row: Row, id: SubjectId): Promise<void> {
    const startMs = performance.now()
    let sample: Sample
    try {
      await this.bringUp(id)
      let result = await this.measure(this.requestOf(round, row, id), this.options.subjects[id]!)
      // Void: the load was late, not the broker. One more try.
      if (result.void !== undefined)
        result = await this.measure(this.requestOf(round, row, id), this.options.subjects[id]!)
      sample = { round, row: row.id, subject: id, result: withoutBulk(result) }
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      sample = { round, row: row.id, subject: id, failed: said.slice(0, 1500) }
    }
    if (this.options.signal.aborted && sample.result === undefined) return
    this.keep(sample)
    this.tell(sample, row, (performance.now() - startMs) / 1000)
  }

  private async measure(request: Request, subject: Subject): Promise<RunResult> {
    await settleDisk()
    const calibration = calibrationMs()
    const result = await within(this.limitMs(request), subject.measure(request))
    return { ...result, name: request.row.name, calibrationMs: calibration }
  }

  private limitMs({ row }: Request): number {
    const { crashGigabytes } = this.options.results
    return sampleLimitMs + (row.load.kind === 'crash-start' ? crashGigabytes * limitMsPerGigabyte : 0)
  }

  private requestOf(round: number, row: Row, id: SubjectId): Request {
    return {
      row,
      round,
      topic: `bench-${process.pid}-${++this.topics}`,
      seconds: this.options.results.seconds * (row.secondsFactor ?? 1),
      warmUpSeconds: this.options.warmUpSeconds,
      rate: rateOf(row, round, id, this.options.results.samples),
    }
  }

  private async bringUp(id: SubjectId): Promise<void> {
    const subject = this.options.subjects[id]!
    if (subject.isUp) return
    const count = (this.starts.get(id) ?? 0) + 1
    if (count > mostStarts) throw new Error(`${id} went down or did not start ${mostStarts} times`)
    this.starts.set(id, count)
    this.options.log(`starting and warming ${id}`)
    try {
      await within(startLimitMs, subject.start())
    } catch (error) {
      this.options.log(`${id} did not start: ${error instanceof Error ? error.message : String(error)}`)
      throw error
    }
  }

  private keep(sample: Sample): void {
    const { results, path } = this.options
    const isSame = (one: Sample) =>
      one.round === sample.round && one.row === sample.row && one.subject === sample.subject
    const at = results.samples.findIndex(isSame)
    if (at < 0) results.samples.push(sample)
    else results.samples[at] = sample
    results.endedAt = new Date().toISOString()
    writeResults(path, results)
  }

  private tell({ round, subject, result, failed }: Sample, row: Row, seconds: number): void {
    const figures = result === undefined ? {} : figuresOf(result)
    const shown = row.figures.filter((name) => figures[name] !== undefined).slice(0, 4)
    const found = shown.map((name) => `${name} ${Number(figures[name]!.toPrecision(4))}`).join(', ')
    const unusable = result?.void === undefined ? '' : `VOID: ${result.void}; `
    const text = failed === undefined ? unusable + found : `FAILED: ${failed.split('\n')[0]!.slice(0, 300)}`
    this.options.log(`round ${round} ${row.id} ${subject}: ${text} (${seconds.toFixed(1)} s)`)
  }
}

/** What earlier runs left to be written back would be written during the next. */
async function settleDisk(): Promise<void> {
  await runTool('sync', [], { timeoutMs: 60_000 }).catch(() => undefined)
}

async function within<Value>(limitMs: number, work: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${limitMs / 1000} s`)), limitMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
