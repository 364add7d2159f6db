/**
 * `produce TOPIC`: each line of stdin is a record.
 * Runs on: main. Touches: stdin, the client, stderr.
 */
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import type { Client, DeliveryReport, Producer } from '../../client/index.js'
import { LineSplitter } from '../lines.js'
import type { Invocation } from '../environment.js'
import { ExitCode } from '../exit-code.js'
import { countOf, onInterrupt, tell } from '../output.js'
import { requireTopic, withClient } from '../with-client.js'

export interface ProduceOptions {
  readonly keySeparator?: string
  readonly partition?: number
  readonly acks: -1 | 0 | 1
  readonly timeout: number
}

/** What became of the records. */
class Tally {
  writtenCount = 0
  deliveredCount = 0
  failedCount = 0
  firstError: StreamBusError | undefined
  readonly partitions = new Set<number>()

  count({ error, recordCount, partition }: DeliveryReport): void {
    if (error === undefined) {
      this.deliveredCount += recordCount
      this.partitions.add(partition)
      return
    }
    this.failedCount += recordCount
    this.firstError ??= error
  }
}

/** Resolves with the exit code: 1 when any record was not acknowledged. */
export async function produce(invocation: Invocation, topic: string, options: ProduceOptions): Promise<number> {
  const tally = new Tally()
  await withClient(invocation, (client) => produceLines(invocation, client, topic, options, tally))
  const { deliveredCount, failedCount, firstError, partitions } = tally
  const what = options.acks === 0 ? 'sent without waiting for answers' : 'acknowledged'
  const failed = failedCount === 0 ? '' : `; ${failedCount} NOT ${what}`
  tell(`${topic}: ${countOf(deliveredCount, 'record')} ${what} in ${countOf(partitions.size, 'partition')}${failed}`)
  if (firstError !== undefined) throw firstError
  return ExitCode.done
}

async function produceLines(
  invocation: Invocation,
  client: Client,
  topic: string,
  options: ProduceOptions,
  tally: Tally,
): Promise<void> {
  await requireTopic(invocation, client, topic)
  const producer = client.producer({
    acks: options.acks,
    lingerMs: 5,
    deliveryTimeoutMs: Math.max(1, options.timeout * 1000),
    onDelivery: (report) => tally.count(report),
  })
  if (process.stdin.isTTY) tell(`each line is a record for ${topic}; Ctrl-D ends`)
  const stopListening = onInterrupt(() => process.stdin.destroy())
  try {
    await writeLines(producer, topic, options, tally)
  } finally {
    stopListening()
    await producer.close()
  }
}

async function writeLines(producer: Producer, topic: string, options: ProduceOptions, tally: Tally): Promise<void> {
  const splitter = new LineSplitter()
  try {
    for await (const chunk of process.stdin) {
      for (const line of splitter.push(chunk as Buffer)) await writeLine(producer, topic, line, options, tally)
    }
  } catch (error) {
    // Ctrl-C: what was read so far is sent.
    if ((error as { code?: string }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
  }
  for (const line of splitter.finish()) await writeLine(producer, topic, line, options, tally)
}

function writeLine(
  producer: Producer,
  topic: string,
  line: Buffer,
  { keySeparator, partition }: ProduceOptions,
  tally: Tally,
): Promise<void> | undefined {
  const number = ++tally.writtenCount
  let key: Buffer | null = null
  let value = line
  if (keySeparator !== undefined) {
    const at = line.indexOf(keySeparator)
    if (at < 0) {
      throw new StreamBusError('INVALID_RECORD', `line ${number} has no key separator "${keySeparator}"`, {
        remedy: 'Give each line as KEY, separator, VALUE. The lines before it were sent.',
      })
    }
    key = line.subarray(0, at)
    value = line.subarray(at + Buffer.byteLength(keySeparator))
  }
  return producer.write({ topic, key, value, partition }) ? undefined : producer.ready()
}
