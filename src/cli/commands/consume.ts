/**
 * `consume TOPIC`: prints records on stdout, as lines, by template or as JSON.
 * Runs on: main. Touches: the client, stdout (data only), stderr.
 */
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import type { Client, Consumer, StartPoint } from '../../client/index.js'
import type { CommandLine } from '../command-line.js'
import type { Invocation } from '../environment.js'
import { ExitCode } from '../exit-code.js'
import { countOf, DataOutput, onInterrupt, summary, tell } from '../output.js'
import type { ValueFormat } from '../records/formats.js'
import { type HeaderFilter, recordFilter } from '../records/record-filter.js'
import { recordJsonWriter } from '../records/record-json.js'
import { RecordPrinter } from '../records/record-printer.js'
import { recordTemplate, type WriteRecord } from '../records/record-template.js'
import { valueWriter } from '../records/value-format.js'
import { bytesText, countText } from '../terminal/quantities.js'
import { requireTopic, withClient } from '../with-client.js'

export interface ConsumeOptions {
  readonly from?: StartPoint
  readonly last?: number
  readonly maxMessages?: number
  readonly untilEnd?: boolean
  readonly partition?: readonly number[]
  readonly format?: string
  readonly keySeparator?: string
  readonly keyFormat: ValueFormat
  readonly valueFormat: ValueFormat
  readonly quiet?: boolean
  readonly key?: readonly string[]
  readonly keyRegex?: string
  readonly header?: readonly HeaderFilter[]
  readonly grep?: string
  readonly ignoreCase?: boolean
}

/** Resolves with the exit code. */
export async function consume(
  invocation: Invocation,
  topic: string,
  options: ConsumeOptions,
  commandLine: CommandLine,
): Promise<number> {
  const printer = new RecordPrinter({
    write: writerOf(options, invocation.isJson, process.stdout.isTTY),
    filter: filterOf(options),
    maxCount: options.maxMessages ?? Number.POSITIVE_INFINITY,
  })
  await withClient(invocation, (client) => printRecords(invocation, client, topic, options, printer, commandLine))
  return ExitCode.done
}

/** Made before anything is connected: what is wrong with a template is told at once. */
function writerOf(options: ConsumeOptions, isJson: boolean, isForTerminal: boolean): WriteRecord {
  const { keyFormat, valueFormat, keySeparator } = options
  if (isJson) refuseForms(options)
  if (isJson) return recordJsonWriter(valueFormat)
  const writeKey = valueWriter(keyFormat, isForTerminal)
  const writeValue = valueWriter(valueFormat, isForTerminal)
  if (options.format !== undefined) return recordTemplate(options.format, { writeKey, writeValue, isForTerminal })
  const separator = keySeparator === undefined ? undefined : Buffer.from(keySeparator)
  // A null prints as nothing.
  return (sink, _topic, _partition, { bytes, keyStart, keyEnd, valueStart, valueEnd }) => {
    if (separator !== undefined) {
      if (keyStart >= 0) writeKey(sink, bytes, keyStart, keyEnd)
      sink.append(separator)
    }
    if (valueStart >= 0) writeValue(sink, bytes, valueStart, valueEnd)
    sink.byte(0x0a)
  }
}

function refuseForms({ format, keySeparator }: ConsumeOptions): void {
  const option = format !== undefined ? '--format' : keySeparator !== undefined ? '--key-separator' : undefined
  if (option === undefined) return
  throw new StreamBusError('USAGE', `--json prints records in its own form, and ${option} in another`, {
    remedy: 'Leave one of them out.',
  })
}

function filterOf({ key, keyRegex, header, grep, ignoreCase }: ConsumeOptions): ReturnType<typeof recordFilter> {
  const regex = (text: string | undefined) =>
    text === undefined ? undefined : new RegExp(text, ignoreCase ? 'iu' : 'u')
  return recordFilter({ key, keyRegex: regex(keyRegex), header, grep: regex(grep) })
}

async function printRecords(
  invocation: Invocation,
  client: Client,
  topic: string,
  options: ConsumeOptions,
  printer: RecordPrinter,
  commandLine: CommandLine,
): Promise<void> {
  await requireTopic(invocation, client, topic)
  const isQuiet = options.quiet ?? false
  if (!isQuiet && !invocation.isJson) tell(introduction(topic, options))
  const startMs = performance.now()
  const consumer = client.consumer({
    topic,
    from: startOf(options),
    untilEnd: options.untilEnd,
    partitions: options.partition,
  })
  const output = new DataOutput(() => void consumer.close())
  await readAll(consumer, output, printer)
  if (output.isClosed || isQuiet) return
  const next = { ...consumer.positions(), ...Object.fromEntries(printer.positions) }
  tellSummary(invocation, topic, printer, (performance.now() - startMs) / 1000, next, commandLine)
}

/** To the end, to Ctrl-C, or until nobody reads what is printed. */
async function readAll(consumer: Consumer, output: DataOutput, printer: RecordPrinter): Promise<void> {
  let wasInterrupted = false
  const stopListening = onInterrupt(() => {
    wasInterrupted = true
    void consumer.close()
  })
  try {
    for await (const batch of consumer) {
      if (wasInterrupted) break
      await output.writeThrough(printer.print(batch))
      if (printer.isDone || output.isClosed) break
    }
  } finally {
    stopListening()
    await consumer.close()
  }
}

function startOf({ from, last }: ConsumeOptions): StartPoint {
  return last === undefined ? (from ?? 'earliest') : { last }
}

function introduction(topic: string, options: ConsumeOptions): string {
  const { untilEnd, maxMessages } = options
  const end = untilEnd ? 'what is there now' : 'following until Ctrl-C'
  const most = maxMessages === undefined ? '' : `, at most ${countOf(maxMessages, 'record')}`
  return `reading ${topic} from ${describe(startOf(options))}, ${end}${most}`
}

function describe(from: StartPoint): string {
  if (typeof from === 'number') return `offset ${from}`
  if (typeof from === 'string') return from
  if ('last' in from) return from.last === 1 ? 'its last record' : `its last ${countText(from.last)} records`
  return 'timestampMs' in from ? new Date(from.timestampMs).toISOString() : 'given offsets'
}

function tellSummary(
  invocation: Invocation,
  topic: string,
  { readCount, printedCount, printedBytes }: RecordPrinter,
  seconds: number,
  next: Readonly<Record<number, number>>,
  commandLine: CommandLine,
): void {
  const recordsPerSecond = printedCount / Math.max(seconds, 0.001)
  const from = Object.entries(next)
    .map(([partition, offset]) => `${partition}:${offset}`)
    .join(',')
  const resume =
    from === '' ? undefined : commandLine.again(invocation.environment.typed, ['from', 'last'], ['--from', from])
  const of = printedCount === readCount ? '' : ` of ${countText(readCount)} read`
  const lines = [
    `${topic}: ${countOf(printedCount, 'record')}${of}, ${bytesText(printedBytes)} in ${seconds.toFixed(1)} s ` +
      `(${countText(recordsPerSecond)} records/s)`,
  ]
  if (resume !== undefined) lines.push(`go on with: ${resume}`)
  summary(invocation, lines.join('\n'), {
    topic,
    records: printedCount,
    recordsRead: readCount,
    bytes: printedBytes,
    seconds: Number(seconds.toFixed(3)),
    recordsPerSecond: Math.round(recordsPerSecond),
    next,
    resume,
  })
}
