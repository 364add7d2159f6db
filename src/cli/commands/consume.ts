/**
 * `consume TOPIC`: each record's value is a line on stdout.
 * Runs on: main. Touches: the client, stdout (data only), stderr.
 */
import type { RecordReader } from '../../../native-free-core/log/record-batch.js'
import type { Client, ConsumedBatch, StartPoint } from '../../client/index.js'
import type { Invocation } from '../environment.js'
import { ExitCode } from '../exit-code.js'
import { countOf, DataOutput, onInterrupt, tell } from '../output.js'
import { requireTopic, withClient } from '../with-client.js'

export interface ConsumeOptions {
  readonly from?: StartPoint
  readonly maxMessages?: number
  readonly untilEnd?: boolean
  readonly partition?: number
  readonly keySeparator?: string
}

/** Resolves with the exit code. */
export async function consume(invocation: Invocation, topic: string, options: ConsumeOptions): Promise<number> {
  await withClient(invocation, (client) => printRecords(invocation, client, topic, options))
  return ExitCode.done
}

async function printRecords(
  invocation: Invocation,
  client: Client,
  topic: string,
  options: ConsumeOptions,
): Promise<void> {
  await requireTopic(invocation, client, topic)
  tell(introduction(topic, options))
  const consumer = client.consumer({
    topic,
    from: options.from ?? 'earliest',
    untilEnd: options.untilEnd,
    partitions: options.partition === undefined ? undefined : [options.partition],
  })
  const output = new DataOutput(() => void consumer.close())
  let wasInterrupted = false
  const stopListening = onInterrupt(() => {
    wasInterrupted = true
    void consumer.close()
  })
  const printer = new Printer(options.keySeparator)
  try {
    let leftCount = options.maxMessages ?? Number.POSITIVE_INFINITY
    for await (const batch of consumer) {
      const { bytes, recordCount } = printer.print(batch, leftCount)
      await output.write(bytes)
      leftCount -= recordCount
      if (leftCount <= 0 || output.isClosed || wasInterrupted) break
    }
  } finally {
    stopListening()
    await consumer.close()
  }
  if (!output.isClosed) tell(`${topic}: ${countOf(printer.recordCount, 'record')}`)
}

function introduction(topic: string, { from, untilEnd, maxMessages }: ConsumeOptions): string {
  const end = untilEnd ? 'what is there now' : 'until Ctrl-C'
  const most = maxMessages === undefined ? '' : `, at most ${countOf(maxMessages, 'record')}`
  return `reading ${topic} from ${describe(from ?? 'earliest')}, ${untilEnd ? end : `following ${end}`}${most}`
}

function describe(from: StartPoint): string {
  if (typeof from === 'number') return `offset ${from}`
  if (typeof from === 'string') return from
  return 'timestampMs' in from ? new Date(from.timestampMs).toISOString() : 'given offsets'
}

/** Makes the lines of a batch in one buffer that is used again when stdout has taken it. */
class Printer {
  recordCount = 0
  private readonly separator: Buffer | undefined

  constructor(keySeparator: string | undefined) {
    this.separator = keySeparator === undefined ? undefined : Buffer.from(keySeparator)
  }

  print(batch: ConsumedBatch, maxRecords: number): { bytes: Buffer; recordCount: number } {
    const parts: Uint8Array[] = []
    let recordCount = 0
    batch.forEach((record) => {
      if (recordCount >= maxRecords) return
      recordCount++
      this.line(record, parts)
    })
    this.recordCount += recordCount
    return { bytes: Buffer.concat(parts), recordCount }
  }

  /** A null prints as nothing. */
  private line(record: RecordReader, parts: Uint8Array[]): void {
    if (this.separator !== undefined) parts.push(record.key ?? nothing, this.separator)
    parts.push(record.value ?? nothing, lineFeed)
  }
}

const nothing = Buffer.alloc(0)
const lineFeed = Buffer.from('\n')
