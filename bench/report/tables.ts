/**
 * Tables in Markdown of what was measured.
 * Runs on: main, and tests. Touches: nothing.
 */
import { stageLabels } from '../../native-free-core/metrics/metric-table.js'
import type { Results } from '../compare/results.js'
import { type Group, type Row, type RowId, rows, rawJournalRow, type SubjectId, subjectIds } from '../compare/rows.js'
import { figureName, judge, type Judgement, judgeWs, subjectNames } from './judge.js'
import { digits, shown, type Spread, spreadOf, spreadOfFigure, spreadText, unitOf } from './statistics.js'

/** So many rounds an objective needs to be held or missed. */
const enoughRounds = 7

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  if (lines.length === 0) return 'Not measured.'
  const text = [head, head.map(() => '---'), ...lines]
  return text.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function measuredRows(results: Results, group: Group): Row[] {
  const known = new Set(results.samples.map(({ row }) => row))
  return rows.filter((row) => row.group === group && known.has(row.id))
}

/** Who has a figure in any of the rows. */
function subjectsOf(results: Results, of: readonly Row[], figure: string): SubjectId[] {
  return subjectIds.filter((id) => of.some((row) => spreadOfFigure(results, row.id, id, figure) !== undefined))
}

/** The fixed loop beside each row: how fast the machine was. */
function calibrationText(results: Results, row: RowId): string {
  const times = results.samples.flatMap((one) => (one.row === row && one.result ? [one.result.calibrationMs] : []))
  const spread = spreadOf(times.filter((time) => time > 0))
  return spread === undefined ? '-' : `${digits(spread.lowest)} to ${digits(spread.highest)}`
}

/** `isMeasuredOnly`: without objectives of rows that the run left out. */
export function objectivesTable(results: Results, isMeasuredOnly = false): string {
  const judgements = judge(results).filter(({ measured }) => !isMeasuredOnly || measured !== undefined)
  const done = Math.max(0, ...results.samples.map(({ round }) => round))
  const few = done < enoughRounds ? `\n\nOnly ${done} of the ${enoughRounds} rounds that an objective needs.` : ''
  const text = judgementTable(judgements, ['what', 'objective', 'measured', 'lowest to highest', ''])
  return `${text}${few}`
}

export function wsTable(results: Results): string {
  return judgementTable(judgeWs(results), ['what', 'on `ws`, over uws', 'measured', 'lowest to highest', ''])
}

function judgementTable(judgements: readonly Judgement[], head: readonly string[]): string {
  let last = ''
  const lines = judgements.map((one) => {
    const name = one.row.name === last ? '' : one.row.name
    last = one.row.name
    const { measured, spread } = one
    const figure = one.objective.figure
    const value = measured === undefined ? '-' : one.isRatio ? `${digits(measured)} x` : shownWithUnit(measured, figure)
    const verdict = one.isHeld === false ? `**${one.verdict}**` : one.verdict
    return [name, one.wanted, value, rangeText(spread, figure, one.isRatio), verdict]
  })
  return table(head, lines)
}

function shownWithUnit(value: number, figure: string): string {
  return `${shown(value, figure)} ${unitOf(figure)}`.trim()
}

function rangeText(spread: Spread | undefined, figure: string, isRatio: boolean): string {
  if (spread === undefined) return '-'
  const text = (value: number) => (isRatio ? digits(value) : shown(value, figure))
  return `${text(spread.lowest)} to ${text(spread.highest)}`
}

/** One line a row, one column for each who was measured. */
function matrix(results: Results, group: Group, figure: string): string {
  const measured = measuredRows(results, group)
  const ids = subjectsOf(results, measured, figure)
  const head = [`${figureName(figure)} (median, lowest to highest)`, ...ids.map((id) => subjectNames[id]), 'loop, ms']
  const lines = measured.map((row) => {
    const cells = ids.map((id) => spreadText(spreadOfFigure(results, row.id, id, figure), figure))
    return [row.name, ...cells, calibrationText(results, row.id)]
  })
  return table(head, lines)
}

export function throughputTable(results: Results): string {
  return `${matrix(results, 'throughput', 'recordsPerSecond')}\n\n${matrix(results, 'consume', 'recordsPerSecond')}`
}

export function cpuTable(results: Results): string {
  const lines = rows.flatMap((row) => {
    const ids = row.subjects.filter((id) => spreadOfFigure(results, row.id, id, 'brokerSecondsPerMillion'))
    if (row.group === 'limits') return []
    return ids.map((id, index) => {
      const cell = (figure: string) => spreadText(spreadOfFigure(results, row.id, id, figure), figure)
      const name = index === 0 ? row.name : ''
      return [name, subjectNames[id], cell('brokerSecondsPerMillion'), cell('clientSecondsPerMillion')]
    })
  })
  return table(['CPU seconds per million records', 'who', 'broker', 'client'], lines)
}

export function latencyTable(results: Results): string {
  const lines = [...measuredRows(results, 'rate'), ...measuredRows(results, 'latency')].flatMap((row) =>
    row.subjects
      .filter((id) => spreadOfFigure(results, row.id, id, 'p99Ms') !== undefined)
      .map((id, index) => {
        const cell = (figure: string) => spreadText(spreadOfFigure(results, row.id, id, figure), figure)
        return [
          index === 0 ? row.name : '',
          subjectNames[id],
          ...['p50Ms', 'p99Ms', 'p999Ms', 'recordsPerSecond'].map(cell),
        ]
      }),
  )
  return table(['latency, ms', 'who', 'P50', 'P99', 'P99.9', 'records/s reached'], lines)
}

/** Where the time of a produce goes in the broker on uws, by its own metrics. */
export function stagesTable(results: Results): string {
  const lines = [...measuredRows(results, 'rate'), ...measuredRows(results, 'latency')].flatMap((row) => {
    const cells = stageLabels.map((stage) => {
      const spreads = ['P50', 'P99'].map((percentile) =>
        spreadOfFigure(results, row.id, 'streambus-uws', `${stage}Stage${percentile}Ms`),
      )
      return spreads.some((spread) => spread === undefined)
        ? '-'
        : spreads.map((spread) => digits(spread!.median)).join(' / ')
    })
    return cells.every((cell) => cell === '-') ? [] : [[row.name, ...cells]]
  })
  return table(['P50 / P99, ms, medians', ...stageLabels], lines)
}

export function startTable(results: Results): string {
  const lines = [...measuredRows(results, 'start'), ...measuredRows(results, 'memory')].flatMap((row) =>
    row.subjects
      .filter((id) => spreadOfFigure(results, row.id, id, row.figures[0]!) !== undefined)
      .map((id, index) => {
        const cells = row.figures.map((figure) => {
          const text = spreadText(spreadOfFigure(results, row.id, id, figure), figure)
          return text === '-' ? undefined : `${figureName(figure)} ${text} ${unitOf(figure)}`
        })
        return [index === 0 ? row.name : '', subjectNames[id], cells.filter((cell) => cell !== undefined).join('; ')]
      }),
  )
  return table(['start and memory', 'who', 'median (lowest to highest)'], lines)
}

/** What of the broker stands beside which limit. */
const besides: readonly {
  readonly limit: RowId
  readonly row: RowId
  readonly figure: string
  readonly subject: SubjectId
}[] = [
  { limit: 'sink-uws', row: 'produce-100', figure: 'recordsPerSecond', subject: 'streambus-uws' },
  { limit: 'sink-uws', row: 'replay-100', figure: 'recordsPerSecond', subject: 'streambus-uws' },
  { limit: 'sink-ws', row: 'produce-100', figure: 'recordsPerSecond', subject: 'streambus-ws' },
  { limit: 'raw-journal', row: 'produce-100', figure: 'mebibytesPerSecond', subject: 'streambus-uws' },
  { limit: 'raw-journal', row: 'produce-1k', figure: 'mebibytesPerSecond', subject: 'streambus-uws' },
  { limit: 'raw-segment', row: 'produce-100', figure: 'mebibytesPerSecond', subject: 'streambus-uws' },
  { limit: 'memory-copy', row: 'produce-100', figure: 'mebibytesPerSecond', subject: 'streambus-uws' },
  ...['10k', '50k', '200k', '1k-50k'].map((rate) => ({
    limit: rawJournalRow(rate),
    row: `rate-${rate}-p1`,
    figure: 'p99Ms',
    subject: 'streambus-uws' as const,
  })),
]

export function limitsTable(results: Results): string {
  const lines = measuredRows(results, 'limits').map((row) => {
    const cells = row.figures.map((figure) => {
      const text = spreadText(spreadOfFigure(results, row.id, 'machine', figure), figure)
      return text === '-' ? undefined : `${limitFigureName(figure)}${text}${limitFigureUnit(figure)}`
    })
    return [row.name, cells.filter((cell) => cell !== undefined).join('<br>'), calibrationText(results, row.id)]
  })
  const ratios = besides.flatMap(({ limit, row, figure, subject }) => {
    const [own, its] = [
      spreadOfFigure(results, row, subject, figure),
      spreadOfFigure(results, limit, 'machine', figure),
    ]
    if (own === undefined || its === undefined) return []
    const nameOf = (id: RowId) => rows.find((one) => one.id === id)!.name
    const share = own.median / its.median
    return [[`${subjectNames[subject]}: ${nameOf(row)}`, nameOf(limit), figureName(figure), `${digits(share)} x`]]
  })
  const first = table(['limit', 'median (lowest to highest)', 'loop, ms'], lines)
  return `${first}\n\n${table(['the broker', 'over this limit', 'by', 'ratio of medians'], ratios)}`
}

function limitFigureName(figure: string): string {
  const percentile = /^(wait|doorbell)?(P|p)(\d+)Ms$/.exec(figure)
  if (percentile === null)
    return figure.startsWith('broker') ? 'sink CPU ' : figure.startsWith('client') ? 'client CPU ' : ''
  const [, how, , number] = percentile
  return `${how === undefined ? '' : `${how} `}P${number === '999' ? '99.9' : number} `
}

function limitFigureUnit(figure: string): string {
  return ` ${unitOf(figure)}`
}

/** Runs without a figure, or whose figure must not be used, and why. */
export function failuresTable(results: Results): string {
  return `${readBackText(results)}\n\n${unusableTable(results)}`
}

/** Whether all that StreamBus acknowledged was there, once and in order. */
function readBackText(results: Results): string {
  const checked = results.samples.flatMap(({ result }) => (result?.records.lost === undefined ? [] : [result.records]))
  if (checked.length === 0) return 'No run was read back.'
  const sum = (of: (records: (typeof checked)[number]) => number | undefined) =>
    checked.reduce((total, records) => total + (of(records) ?? 0), 0).toLocaleString('en-US')
  const [acknowledged, lost, doubled, disordered] = [
    sum((records) => records.acknowledged),
    sum((records) => records.lost),
    sum((records) => records.duplicated),
    sum((records) => records.outOfOrder),
  ]
  return (
    `${checked.length} runs of StreamBus were read back, ${acknowledged} acknowledged records in all: ` +
    `${lost} lost, ${doubled} doubled, ${disordered} out of order.`
  )
}

function unusableTable(results: Results): string {
  const found = new Map<string, { row: string; who: string; why: string; count: number }>()
  for (const { row, subject, failed, result } of results.samples) {
    const why = failed ?? result?.void
    if (why === undefined) continue
    const line = why.split('\n')[0]!.slice(0, 160).replaceAll('|', '/').replaceAll('<', '&lt;')
    const key = `${row} ${subject} ${line}`
    const name = rows.find(({ id }) => id === row)?.name ?? row
    const one = found.get(key) ?? { row: name, who: subjectNames[subject], why: line, count: 0 }
    one.count++
    found.set(key, one)
  }
  if (found.size === 0) return 'Every run of every row gave a figure.'
  const lines = [...found.values()].map(({ row, who, why, count }) => [row, who, String(count), why])
  return table(['without a figure', 'who', 'runs', 'why'], lines)
}

export function machineText(results: Results): string {
  const { machine, rounds, seconds, release, startedAt, crashGigabytes } = results
  const { cores, processor, memoryGiB, fileSystem, platform, node } = machine
  const shape = `${cores} x ${processor}, ${memoryGiB} GiB, ${fileSystem}, ${platform}`
  const done = Math.max(0, ...results.samples.map(({ round }) => round))
  const head = `StreamBus ${release}, Node.js ${node}; ${shape}.`
  const length = `${done} of ${rounds} rounds of ${seconds} s a row`
  const begun = `begun ${startedAt.slice(0, 16).replace('T', ' ')} UTC`
  const end = `${length}, ${begun}; ${crashGigabytes} GB under the start after a crash.`
  const lines = Object.values(results.subjects).map(({ name, version, configuration }) => [
    name,
    version,
    configuration,
  ])
  return `${head} ${end}\n\n${table(['who', 'version', 'configuration'], lines)}`
}

/** The short one of the README. */
export function readmeTable(results: Results): string {
  const ids = subjectIds.filter((id) => id !== 'machine')
  const lines = ids.flatMap((id) => {
    const rate = spreadOfFigure(results, 'produce-100', id, 'recordsPerSecond')
    if (rate === undefined) return []
    const cell = (row: RowId, figure: string) => spreadText(spreadOfFigure(results, row, id, figure), figure)
    const latency = spreadOfFigure(results, 'rate-10k-p1', id, 'p99Ms')
    const isOurs = id.startsWith('streambus')
    const name = isOurs ? `**${subjectNames[id]} (synced)**` : subjectNames[id]
    return [
      [
        name,
        spreadText(rate, 'recordsPerSecond'),
        cell('produce-100', 'brokerSecondsPerMillion'),
        spreadText(latency, 'p99Ms'),
        cell('memory', 'largestResidentMiB'),
      ],
    ]
  })
  const done = Math.max(0, ...results.samples.map(({ round }) => round))
  const head = ['100-byte records, one partition', 'records/s', 'server CPU, s per million', 'P99 at 10,000/s, ms']
  const rounds = done === 1 ? 'One round.' : `Medians of ${done} rounds, lowest and highest in brackets.`
  return `${table([...head, 'most memory, MiB'], lines)}\n\n${rounds}`
}
