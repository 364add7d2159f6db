/**
 * The parts of what `top` shows, as lines: the broker, its shards, its topics, the help.
 * Runs on: main. Touches: nothing.
 */
import { bar, sparkline } from '../terminal/bars.js'
import type { Colours } from '../terminal/colours.js'
import { Line, type Style } from '../terminal/line.js'
import { bytesText, countText, latencyText, percentText, shortCountText } from '../terminal/quantities.js'
import { printable } from '../terminal/text-width.js'
import type { BrokerView, Flow, Latency, ShardView } from './broker-model.js'
import type { TopicView } from './topic-model.js'

export interface Look {
  readonly columns: number
  readonly colours: Colours
  readonly withBlocks: boolean
  /** Of what was before; without them there is nothing to show yet. */
  readonly withCurves: boolean
}

export const sorts = ['records/s', 'name', 'records', 'size', 'lag'] as const
export type Sort = (typeof sorts)[number]

const labelColumns = 9
const sparkColumn = 42
const barColumns = 8
/** From this share on a shard, or a journal, is worth a look; and from this on it is short of room. */
const highShare = 0.75
const fullShare = 0.9

export function brokerLines(broker: BrokerView, look: Look): string[] {
  const { status } = broker
  const { dim } = look.colours
  return [
    flowLine('in', broker.in, look),
    flowLine('out', broker.out, look),
    latencyLine('produce', broker.produce, look),
    latencyLine('commit', broker.commit, look),
    '',
    levelLine(broker, look),
    new Line(look.columns)
      .add('CPU ', dim)
      .left(percentText(broker.cpuShare), 7)
      .add('memory ', dim)
      .left(sizeOf(status.residentBytes), 10)
      .add('GC ', dim)
      .left(percentText(broker.gcShare), 7)
      .add('main thread ', dim)
      .left(`${percentText(status.eventLoopUtilisation)} busy`, 12)
      .add('delay P99 ', dim)
      .add(latencyText(status.eventLoopDelayP99Ms))
      .toString(),
  ]
}

function levelLine({ status, commitsPerSecond, errorsPerSecond, throttledPerSecond }: BrokerView, look: Look): string {
  const { dim, red, yellow } = look.colours
  const line = new Line(look.columns)
    .add('connections ', dim)
    .left(countOf(status.connections), 7)
    .add('subscriptions ', dim)
    .left(countOf(status.subscriptions), 9)
    .add('commits ', dim)
    .left(`${countOf(commitsPerSecond)}/s`, 10)
    .add('errors ', dim)
    .left(`${countOf(errorsPerSecond)}/s`, 8, errorsPerSecond > 0 ? red : undefined)
  if (throttledPerSecond > 0) line.add(`throttled ${countOf(throttledPerSecond)}/s`, yellow)
  return line.toString()
}

function flowLine(label: string, flow: Flow, look: Look): string {
  return new Line(look.columns)
    .left(label, labelColumns, look.colours.bold)
    .right(countOf(flow.recordsPerSecond), 8)
    .add(' records/s', look.colours.dim)
    .right(sizeOf(flow.bytesPerSecond), 11)
    .add('/s', look.colours.dim)
    .to(sparkColumn)
    .add(sparks(flow.history, look), look.colours.cyan)
    .toString()
}

function latencyLine(label: string, latency: Latency, look: Look): string {
  return new Line(look.columns)
    .left(label, labelColumns, look.colours.bold)
    .add('P50 ', look.colours.dim)
    .right(latencyText(latency.p50Ms), 9)
    .add('    P99 ', look.colours.dim)
    .right(latencyText(latency.p99Ms), 9)
    .to(sparkColumn)
    .add(sparks(latency.history, look), look.colours.magenta)
    .toString()
}

function sparks(history: readonly number[], { columns, withBlocks, withCurves }: Look): string {
  if (!withCurves) return ''
  return sparkline(history, Math.max(0, columns - sparkColumn), withBlocks)
}

/** The busiest first when not all have room. */
export function shardLines(shards: readonly ShardView[], mostLines: number, look: Look): string[] {
  const withPartitions = look.columns >= 92
  const head = new Line(look.columns)
    .add('SHARD  BUSY            JOURNAL IN USE            SETTLE LAG  RECORDS/S', look.colours.dim)
    .add(withPartitions ? '  PARTITIONS' : '', look.colours.dim)
  const isCut = shards.length > mostLines
  const sorted = isCut ? [...shards].sort((a, b) => b.busyRatio - a.busyRatio) : shards
  const shown = sorted.slice(0, isCut ? Math.max(1, mostLines - 1) : mostLines)
  const lines = shown.map((shard) => shardLine(shard, withPartitions, look))
  const next = sorted[shown.length]
  if (next !== undefined) {
    const rest = `and ${sorted.length - shown.length} more, at most ${percentText(next.busyRatio)} busy`
    lines.push(new Line(look.columns).add(rest, look.colours.dim).toString())
  }
  return [head.toString(), ...lines]
}

function shardLine(shard: ShardView, withPartitions: boolean, look: Look): string {
  const journalShare = shard.journalUsedBytes / shard.journalCapacityBytes
  const line = new Line(look.columns)
    .right(countOf(shard.shard), 5)
    .add('  ')
    .add(bar(shard.busyRatio, barColumns, look.withBlocks), shareStyle(shard.busyRatio, look))
    .right(percentText(shard.busyRatio), 6)
    .add('  ')
    .add(bar(journalShare, barColumns, look.withBlocks), shareStyle(journalShare, look))
    .right(percentText(journalShare), 6)
    .left(` of ${sizeOf(shard.journalCapacityBytes)}`, 12)
    .right(sizeOf(shard.settleLagBytes), 10)
    .right(countOf(shard.recordsPerSecond), 11)
  if (withPartitions) line.right(countOf(shard.partitions), 12)
  return line.toString()
}

function shareStyle(share: number, { colours }: Look): Style {
  if (share >= fullShare) return colours.red
  return share >= highShare ? colours.yellow : colours.green
}

interface TopicColumn {
  readonly head: string
  readonly columns: number
  readonly sort?: Sort
  text(topic: TopicView): string
}

const topicColumns: readonly TopicColumn[] = [
  { head: 'PARTITIONS', columns: 10, text: ({ partitions }) => countOf(partitions) },
  { head: 'RECORDS/S', columns: 9, sort: 'records/s', text: (topic) => countOf(topic.recordsPerSecond) },
  { head: 'RECORDS', columns: 13, sort: 'records', text: ({ records }) => countText(records) },
  { head: 'SIZE', columns: 8, sort: 'size', text: ({ sizeBytes }) => sizeOf(sizeBytes) },
  { head: 'SUBS', columns: 4, text: ({ subscriptions }) => countOf(subscriptions) },
  { head: 'LAG', columns: 7, sort: 'lag', text: ({ lag }) => countOf(lag) },
]
const gap = 2
const columnsBesideName = topicColumns.reduce((sum, { columns }) => sum + gap + columns, 0)
const fewestNameColumns = 12

/** Columns with which no name of a topic is cut. */
export function columnsFor(topics: readonly TopicView[]): number {
  return columnsBesideName + Math.max(fewestNameColumns, ...topics.map(({ name }) => name.length))
}

export function topicHead(sort: Sort, look: Look): string {
  const style = (isSorted: boolean): Style => (isSorted ? look.colours.bold : look.colours.dim)
  const line = new Line(look.columns).left('TOPIC', nameColumnsOf(look), style(sort === 'name'))
  for (const column of topicColumns) line.right(column.head, gap + column.columns, style(column.sort === sort))
  return line.toString()
}

export function topicLine(topic: TopicView, look: Look): string {
  const line = new Line(look.columns).left(printable(topic.name), nameColumnsOf(look))
  for (const { columns, text } of topicColumns) line.add(' '.repeat(gap)).right(text(topic), columns)
  return line.toString()
}

function nameColumnsOf({ columns }: Look): number {
  return Math.max(fewestNameColumns, columns - columnsBesideName)
}

export function sortTopics(topics: readonly TopicView[], sort: Sort, isReversed: boolean): TopicView[] {
  const known = (value: number): number => (Number.isNaN(value) ? -1 : value)
  const compare: Record<Sort, (a: TopicView, b: TopicView) => number> = {
    'records/s': (a, b) => known(b.recordsPerSecond) - known(a.recordsPerSecond),
    name: byName,
    records: (a, b) => b.records - a.records,
    size: (a, b) => b.sizeBytes - a.sizeBytes,
    lag: (a, b) => known(b.lag) - known(a.lag),
  }
  const sorted = [...topics].sort((a, b) => compare[sort](a, b) || byName(a, b))
  return isReversed ? sorted.reverse() : sorted
}

function byName(a: TopicView, b: TopicView): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

function countOf(count: number): string {
  return Number.isFinite(count) ? shortCountText(count) : '-'
}

function sizeOf(sizeBytes: number): string {
  return Number.isFinite(sizeBytes) ? bytesText(sizeBytes) : '-'
}

export function helpLines(look: Look): string[] {
  const text = (words: string) => new Line(look.columns).add(words).toString()
  const fact = (name: string, words: string) =>
    new Line(look.columns).left(name, 15, look.colours.bold).add(words).toString()
  return [
    fact('in', 'records accepted, and the bytes of their batches, each second'),
    fact('out', 'records delivered to subscriptions or fetched'),
    fact('produce', 'time from a Produce request to its answer, over 5 s'),
    fact('commit', 'time of one synced write of a journal, over 5 s'),
    text('               The curves have a value a second; of latencies they show P99.'),
    fact('main thread', 'share of the time that it was busy, and how late its timers were'),
    fact('BUSY', 'share of the time that the shard did not sleep'),
    fact('SETTLE LAG', 'committed bytes that are still in the journal only'),
    fact('SUBS, LAG', 'subscriptions, and records that the slowest has not got yet'),
    '',
    fact('q, Ctrl-C', 'quit'),
    fact('p, space', 'pause the display; the broker is asked on'),
    fact('s, r', 'sort topics by the next column; turn the order round'),
    fact('arrows', 'move through the topics, PageUp and PageDown as well'),
    fact('Ctrl-Z, Ctrl-L', 'stop as a job of the shell; draw the screen anew'),
    fact('?', 'this page; any key leaves it'),
  ]
}
