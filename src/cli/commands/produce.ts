/**
 * `produce TOPIC [FILE]`: sends lines, lines of JSON or the whole input as records.
 * Runs on: main. Touches: stdin or the file, the client, stdout (with -v), stderr.
 */
import { createReadStream, statSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import type { Client, Producer, ProducerOptions, ProducerRecord, RecordMetadata } from '../../client/index.js'
import type { HeaderArgument } from '../arguments.js'
import type { Invocation } from '../environment.js'
import { ExitCode } from '../exit-code.js'
import { countOf, notice, onInterrupt, printLine, summary, tell } from '../output.js'
import type { InputFormat } from '../records/formats.js'
import { NumberRanges } from '../records/number-ranges.js'
import { readRecords, type SourceOptions } from '../records/record-source.js'
import { jsonText } from '../safe-text.js'
import { countText } from '../terminal/quantities.js'
import { requireTopic, withClient } from '../with-client.js'

export interface ProduceOptions {
  readonly format: InputFormat
  readonly raw?: boolean
  readonly keySeparator?: string
  readonly key?: string
  readonly header?: readonly HeaderArgument[]
  readonly nullIfEmpty?: boolean
  readonly partition?: number
  readonly ignorePartition?: boolean
  readonly acks: -1 | 0 | 1
  readonly timeout: number
  readonly compression: NonNullable<ProducerOptions['compression']>
  readonly rate?: number
  readonly verbose?: boolean
  readonly quiet?: boolean
}

/** What became of the records. */
class Tally {
  deliveredCount = 0
  firstError: StreamBusError | undefined
  readonly failed = new NumberRanges()
  readonly partitions = new Set<number>()

  delivered({ partition }: RecordMetadata): void {
    this.deliveredCount++
    this.partitions.add(partition)
  }

  fail(number: number, error: unknown): void {
    this.failed.add(number)
    this.firstError ??= StreamBusError.from(error)
  }
}

/** Resolves with the exit code; throws when any record was not acknowledged. */
export async function produce(
  invocation: Invocation,
  topic: string,
  path: string | undefined,
  options: ProduceOptions,
): Promise<number> {
  const source = sourceOf(topic, options)
  const input = openInput(path)
  const tally = new Tally()
  try {
    await withClient(invocation, (client) => produceAll(invocation, client, input, source, options, tally))
  } finally {
    const { deliveredCount, failed } = tally
    // Nothing was read yet where the topic or the broker is not there.
    if (deliveredCount > 0 || failed.count > 0 || input.readableEnded) tellSummary(invocation, topic, options, tally)
  }
  if (tally.firstError !== undefined) throw tally.firstError
  return ExitCode.done
}

function sourceOf(topic: string, options: ProduceOptions): SourceOptions {
  const format = options.raw ? 'raw' : options.format
  if (options.keySeparator !== undefined && format !== 'lines') {
    throw new StreamBusError('USAGE', `--key-separator is for lines, but the format is ${format}`, {
      remedy: 'Give --key, or leave --key-separator out.',
    })
  }
  return {
    topic,
    format,
    keySeparator: options.keySeparator,
    key: options.key,
    headers: options.header ?? [],
    partition: options.partition,
    nullIfEmpty: options.nullIfEmpty ?? false,
    ignorePartition: options.ignorePartition ?? false,
  }
}

function openInput(path: string | undefined): Readable {
  if (path === undefined || path === '-') return process.stdin
  try {
    if (statSync(path).isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' })
    return createReadStream(path)
  } catch (cause) {
    const { code } = cause as { code?: string }
    const why = code === 'ENOENT' ? 'there is no such file' : `it can't be read (${code})`
    throw new StreamBusError('USAGE', `${path}: ${why}`, { cause, remedy: 'Check the path.' })
  }
}

async function produceAll(
  invocation: Invocation,
  client: Client,
  input: Readable,
  source: SourceOptions,
  options: ProduceOptions,
  tally: Tally,
): Promise<void> {
  const { topic } = source
  await requireTopic(invocation, client, topic)
  const producer = client.producer({
    acks: options.acks,
    lingerMs: 5,
    deliveryTimeoutMs: Math.max(1, options.timeout * 1000),
    compression: options.compression,
  })
  if (input === process.stdin && process.stdin.isTTY && !options.quiet) tell(invitation(topic, source))
  const stopListening = onInterrupt(() => input.destroy())
  const pace = options.rate === undefined ? undefined : new Pace(options.rate)
  const report = options.verbose ? reporter(invocation) : undefined
  try {
    await readRecords(input, source, {
      record: (record, number) => {
        if (pace === undefined) return send(producer, record, number, tally, report)
        return pace.next().then(() => send(producer, record, number, tally, report))
      },
      chunk: () => producer.ready(),
    })
  } finally {
    stopListening()
    // A client that waits for its producer waits for all answers; failures are counted one by one.
    await producer.close()
  }
}

function invitation(topic: string, { format }: SourceOptions): string {
  const what =
    format === 'raw' ? 'all input is one record' : `each line is a record${format === 'lines' ? '' : ' in JSON'}`
  return `${what} for ${topic}; Ctrl-D ends`
}

/** Tells of each record, for -v. */
interface Reporter {
  delivered(metadata: RecordMetadata, number: number): void
  failed(number: number, error: StreamBusError): void
}

/** Never rejects: failures are counted. */
function send(
  producer: Producer,
  record: ProducerRecord,
  number: number,
  tally: Tally,
  report: Reporter | undefined,
): undefined {
  producer.send(record).then(
    (metadata) => {
      tally.delivered(metadata)
      report?.delivered(metadata, number)
    },
    (error: unknown) => {
      tally.fail(number, error)
      report?.failed(number, StreamBusError.from(error))
    },
  )
}

function reporter(invocation: Invocation): Reporter {
  return {
    delivered: ({ topic, partition, offset }, number) => {
      if (invocation.isJson) printLine(jsonText({ topic, partition, offset, record: number }))
      else printLine(`partition ${partition} offset ${offset}`)
    },
    failed: (number, { message }) => notice(invocation, `record ${number} was NOT acknowledged: ${message}`),
  }
}

/** Lets so many records a second pass, evenly; of what was late at most `maxLateMs` are caught up. */
class Pace {
  private readonly intervalMs: number
  private dueMs = performance.now()

  constructor(recordsPerSecond: number) {
    this.intervalMs = 1000 / recordsPerSecond
  }

  async next(): Promise<void> {
    const nowMs = performance.now()
    const aheadMs = this.dueMs - nowMs
    this.dueMs = Math.max(this.dueMs, nowMs - maxLateMs) + this.intervalMs
    if (aheadMs >= 1) await new Promise((resolve) => setTimeout(resolve, aheadMs))
  }
}

const maxLateMs = 100

function tellSummary(
  invocation: Invocation,
  topic: string,
  { acks, quiet }: ProduceOptions,
  { deliveredCount, failed, partitions }: Tally,
): void {
  if (quiet && failed.count === 0) return
  const what = acks === 0 ? 'sent without waiting for answers' : 'acknowledged'
  const where = `in ${countOf(partitions.size, 'partition')}`
  const missing = failed.count === 0 ? '' : `; ${countText(failed.count)} NOT ${what}: record ${failed.text()}`
  summary(invocation, `${topic}: ${countOf(deliveredCount, 'record')} ${what} ${where}${missing}`, {
    topic,
    acknowledged: acks === 0 ? 0 : deliveredCount,
    sent: deliveredCount,
    failed: failed.count,
    ...(failed.count === 0 ? {} : { failedRecords: failed.text() }),
    partitions: [...partitions].sort((a, b) => a - b),
  })
}
