/**
 * Judges what was measured by the objectives of the rows: held, or missed and by how much.
 * Runs on: main, and tests. Touches: nothing.
 */
import type { Figures, Results } from '../compare/results.js'
import { type Objective, type Row, rows, type SubjectId } from '../compare/rows.js'
import { digits, roundsOf, type Spread, spreadOf, unitOf, withUnit } from './statistics.js'

export interface Judgement {
  readonly row: Row
  readonly objective: Objective
  readonly subject: SubjectId
  /** The objective in words. */
  readonly wanted: string
  /** What is compared with the bound; undefined: not measured. */
  readonly measured: number | undefined
  readonly spread: Spread | undefined
  readonly isRatio: boolean
  readonly verdict: string
  readonly isHeld: boolean | undefined
}

/** A rate counts as held from this share of it. */
const heldShare = 0.98
/** Larger misses are told as a factor. */
const largestPercent = 1
const onWs = { throughput: 0.7, latency: 1.5 }

export function judge(results: Results): Judgement[] {
  return rows.flatMap((row) => row.objectives.map((objective) => judgeOne(results, row, objective)))
}

/** The same rows on `ws`, against those on uws of the same rounds; of the rows that the run had. */
export function judgeWs(results: Results): Judgement[] {
  const over = { subject: 'streambus-uws' } as const
  const known = new Set(results.samples.map(({ row }) => row))
  return rows
    .filter(({ id, subjects }) => known.has(id) && subjects.includes('streambus-ws'))
    .flatMap((row) => {
      const isThroughput = row.figures[0] === 'recordsPerSecond'
      const objectives: Objective[] = isThroughput
        ? [{ figure: 'recordsPerSecond', atLeast: onWs.throughput, over, subject: 'streambus-ws' }]
        : ['p50Ms', 'p99Ms']
            .filter((figure) => row.figures.includes(figure))
            .map((figure) => ({ figure, atMost: onWs.latency, over, subject: 'streambus-ws' as const }))
      return objectives.map((objective) => judgeOne(results, row, objective))
    })
}

function judgeOne(results: Results, row: Row, objective: Objective): Judgement {
  const subject = objective.subject ?? 'streambus-uws'
  const rounds = roundsOf(results, row.id, subject)
  const values = valuesFor(results, row, objective, subject, rounds)
  const spread = spreadOf(values)
  const measured = pooled(objective, spread, rounds)
  const isRatio = objective.over !== undefined
  const base = { row, objective, subject, wanted: wantedText(row, objective), measured, spread, isRatio }
  if (measured === undefined) return { ...base, verdict: 'not measured', isHeld: undefined }
  const unheld = unheldRate(row, rounds)
  if (unheld !== undefined) return { ...base, verdict: `missed: only ${unheld} records/s`, isHeld: false }
  const isHeld = measured >= (objective.atLeast ?? -Infinity) && measured <= (objective.atMost ?? Infinity)
  return { ...base, verdict: isHeld ? 'held' : `missed by ${missText(measured, objective)}`, isHeld }
}

/** The ratio is taken in each round: the machine's speed moves from one to the next. */
function valuesFor(
  results: Results,
  row: Row,
  { figure, over }: Objective,
  subject: SubjectId,
  rounds: ReadonlyMap<number, Figures>,
): number[] {
  const own = [...rounds].flatMap(([round, figures]) =>
    figures[figure] === undefined ? [] : [[round, figures[figure]]],
  )
  if (over === undefined) return own.map(([, value]) => value!)
  const others = roundsOf(results, over.row ?? row.id, over.subject ?? subject)
  return own.flatMap(([round, value]) => {
    const other = others.get(round!)?.[over.figure ?? figure]
    return other === undefined || other === 0 ? [] : [value! / other]
  })
}

function pooled(
  { pool, figure }: Objective,
  spread: Spread | undefined,
  rounds: ReadonlyMap<number, Figures>,
): number | undefined {
  if (spread === undefined || pool === undefined) return spread?.median
  if (pool === 'largest') return spread.highest
  const counted = [...rounds.values()].filter((figures) => figures[figure] !== undefined)
  const sum = (name: string) => counted.reduce((total, figures) => total + (figures[name] ?? 0), 0)
  return (sum(figure) / sum('seconds')) * 60
}

function unheldRate({ load }: Row, rounds: ReadonlyMap<number, Figures>): string | undefined {
  if (load.kind !== 'produce' || load.rate === undefined) return undefined
  const figures = [...rounds.values()]
  const medianOf = (of: (one: Figures) => number) => spreadOf(figures.map(of).filter(Number.isFinite))?.median ?? 0
  const wantedOf = ({ wantedRate }: Figures) => wantedRate ?? Number(load.rate)
  const reachedOf = ({ recordsPerSecond }: Figures) => recordsPerSecond ?? 0
  const reached = medianOf(reachedOf)
  // Half of a maximum is another rate in each round: the median round must hold its own, and the median be reached.
  const share = medianOf((one) => reachedOf(one) / wantedOf(one))
  return Math.min(share, reached / medianOf(wantedOf)) >= heldShare ? undefined : digits(reached)
}

function missText(measured: number, { atLeast, atMost }: Objective): string {
  if (atLeast !== undefined) return `${digits((1 - measured / atLeast) * 100)} %`
  const share = measured / atMost! - 1
  return share > largestPercent ? `a factor of ${digits(measured / atMost!)}` : `${digits(share * 100)} %`
}

const figureNames: Readonly<Record<string, string>> = {
  p50Ms: 'P50',
  p99Ms: 'P99',
  p999Ms: 'P99.9',
  brokerSecondsPerMillion: 'broker CPU',
  readyMs: 'ready',
  idleMiB: 'idle memory',
  largestResidentMiB: 'memory',
  shardGcPausesOver1Ms: 'GC pauses over 1 ms a minute, shard',
  shardGcLongestMs: 'longest GC pause, shard',
  shardHeapBytesPerRecord: 'heap bytes per record, shard',
  mainHeapBytesPerRecord: 'heap bytes per record, main',
}

export const subjectNames: Readonly<Record<SubjectId, string>> = {
  'streambus-uws': 'StreamBus, uws',
  'streambus-ws': 'StreamBus, ws',
  kafka: 'Kafka, not synced',
  'kafka-synced': 'Kafka, synced',
  nats: 'NATS, not synced',
  'nats-synced': 'NATS, synced',
  machine: 'this machine',
}

export function figureName(figure: string): string {
  return figureNames[figure] ?? unitOf(figure)
}

function wantedText(row: Row, objective: Objective): string {
  const { figure, atLeast, atMost, over } = objective
  const bound = atLeast ?? atMost!
  const side = atLeast === undefined ? 'at most' : 'at least'
  const name = figureName(figure)
  if (over === undefined) {
    return figure === 'recordsPerSecond'
      ? `${side} ${withUnit(bound, figure)}`
      : `${name} ${side} ${withUnit(bound, figure)}`
  }
  const other = rows.find(({ id }) => id === (over.row ?? row.id))!
  const whom = over.subject === undefined ? '' : subjectNames[over.subject]
  const where = other.id === row.id ? '' : `${whom === '' ? '' : ': '}${other.name}`
  const what =
    over.figure === undefined || over.figure === figure ? '' : over.figure === 'boundMiB' ? 'the formula' : ''
  return `${name} ${side} ${bound} x ${whom}${where}${what}`
}
