/**
 * Metrics as Prometheus text (exposition format 0.0.4).
 * Runs on: main, when it is asked. Touches: the readers that it is given.
 */
import { type MetricName, type MetricOwner, type MetricRow, metricRows, slotsPerLabel } from './metric-table.js'
import { metricIndex, metricNamesOf, type MetricsReader } from './shared-metrics.js'

/** One thread's counts, and the label that tells it from others of its kind, such as shard="0". */
export interface ThreadMetrics {
  readonly owner: MetricOwner
  readonly reader: MetricsReader
  readonly shard?: number
}

/** A value that main computed just now. */
export interface ScrapedSample {
  readonly name: MetricName
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

export function renderPrometheus(threads: readonly ThreadMetrics[], samples: readonly ScrapedSample[]): string {
  const lines: string[] = []
  const values = threads.map((thread) => ({ thread, slots: Float64Array.from(thread.reader.read()) }))
  for (const name of Object.keys(metricRows) as MetricName[]) {
    const row = metricRows[name]
    lines.push(`# HELP ${name} ${row.help}`, `# TYPE ${name} ${row.type}`)
    for (const { thread, slots } of values) {
      if (metricNamesOf(thread.owner).includes(name)) renderRow(lines, name, row, thread, slots)
    }
    for (const sample of samples) {
      if (sample.name === name) lines.push(`${name}${labelText(sample.labels ?? {})} ${numberText(sample.value)}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function renderRow(
  lines: string[],
  name: MetricName,
  row: MetricRow,
  thread: ThreadMetrics,
  slots: Float64Array,
): void {
  const own = threadLabels(row, thread)
  for (const [index, value] of (row.labelValues ?? [undefined]).entries()) {
    const labels = value === undefined ? own : { [row.labels[0]!]: value, ...own }
    const first = metricIndex(thread.owner, name, index)
    if (row.type !== 'histogram') lines.push(`${name}${labelText(labels)} ${numberText(slots[first]!)}`)
    else renderHistogram(lines, name, row, labels, slots.subarray(first, first + slotsPerLabel(row)))
  }
}

/** Buckets are cumulative in the text, not in memory. A histogram without counts is left out. */
function renderHistogram(
  lines: string[],
  name: MetricName,
  row: MetricRow,
  labels: Readonly<Record<string, string>>,
  slots: Float64Array,
): void {
  const buckets = row.buckets!
  let count = 0
  const text: string[] = []
  for (let index = 0; index <= buckets.length; index++) {
    count += slots[index]!
    const bound = index < buckets.length ? String(buckets[index]) : '+Inf'
    text.push(`${name}_bucket${labelText({ ...labels, le: bound })} ${numberText(count)}`)
  }
  if (count === 0) return
  lines.push(...text, `${name}_sum${labelText(labels)} ${numberText(slots[buckets.length + 1]!)}`)
  lines.push(`${name}_count${labelText(labels)} ${numberText(count)}`)
}

function threadLabels(row: MetricRow, { owner, shard }: ThreadMetrics): Record<string, string> {
  const labels: Record<string, string> = {}
  if (row.labels.includes('shard') && shard !== undefined) labels['shard'] = String(shard)
  if (row.labels.includes('thread')) labels['thread'] = shard === undefined ? owner : `${owner}-${shard}`
  return labels
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels)
  if (entries.length === 0) return ''
  return `{${entries.map(([name, value]) => `${name}="${value.replace(/["\\\n]/g, '_')}"`).join(',')}}`
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return Number.isFinite(value) ? String(value) : '+Inf'
}
