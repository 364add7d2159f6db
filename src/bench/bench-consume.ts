/**
 * `bench consume`: how many records a second come out of a topic.
 * Runs on: main. Touches: the client, stdout.
 */
import { type Client, connect, type ConnectOptions } from '../client/index.js'
import { CpuMeter } from './measurements.js'
import { printResult, resultOf } from './report.js'
import { withTimeProgress } from './time-progress.js'
import { type BenchOptions, loadOf, prepareTopic } from './workload.js'

export interface BenchConsumeOptions extends BenchOptions {
  /** Look at each record, not only at batches. */
  readonly decode?: boolean
}

export async function benchConsume(target: ConnectOptions, options: BenchConsumeOptions): Promise<void> {
  const client = await connect({ ...target, clientName: 'streambus-bench' })
  try {
    await measure(client, options)
  } finally {
    await client.close()
  }
}

async function measure(client: Client, options: BenchConsumeOptions): Promise<void> {
  const { name, partitionCount } = await prepareTopic(client, options)
  const status = await client.admin().clusterStatus()
  const cpu = new CpuMeter(status.pid)
  const startedAt = new Date().toISOString()
  const startMs = performance.now()
  const endMs = startMs + options.seconds * 1000
  let records = 0
  let sizeBytes = 0
  const read = async (): Promise<void> => {
    for await (const batch of client.consumer({ topic: name, untilEnd: true })) {
      if (options.decode) {
        batch.forEach((record) => {
          if (record.valueStart >= 0) records++
        })
      } else records += batch.recordCount
      sizeBytes += batch.sizeBytes
      if (performance.now() >= endMs) break
    }
  }
  await withTimeProgress('reading', options.seconds, () => records, read)
  const seconds = (performance.now() - startMs) / 1000
  const load = loadOf('consume', partitionCount, options)
  const measured = {
    name: options.decode ? 'consume, each record' : 'consume, by batch',
    load,
    startedAt,
    warmUpSeconds: 0,
    seconds,
    records: { sent: 0, acknowledged: 0, failed: 0, delivered: records },
    latency: {},
    cpu: cpu.read(records),
    valueBytes: sizeBytes,
  }
  printResult(resultOf(measured, status), options.json ?? false)
}
