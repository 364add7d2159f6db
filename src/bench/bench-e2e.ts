/**
 * `bench e2e`: how long a record takes from when it was due to be sent to its delivery to a subscriber.
 * Runs on: main. Touches: two clients, stdout.
 */
import { type Client, connect, type ConnectOptions, type Consumer } from '../client/index.js'
import { CpuMeter, Latencies } from './measurements.js'
import { printResult, resultOf } from './report.js'
import { withTimeProgress } from './time-progress.js'
import { type BenchOptions, dueMsOf, loadOf, paced, Payload, prepareTopic } from './workload.js'

export interface BenchEndToEndOptions extends BenchOptions {
  readonly batchBytes: number
  readonly linger: number
  readonly rate: number
}

/** The value of a record that is not measured. */
const notDue = 0

export async function benchEndToEnd(target: ConnectOptions, options: BenchEndToEndOptions): Promise<void> {
  const producing = await connect({ ...target, clientName: 'streambus-bench' })
  const consuming = await connect({ ...target, clientName: 'streambus-bench' })
  try {
    await measure(producing, consuming, options)
  } finally {
    await producing.close()
    await consuming.close()
  }
}

async function measure(producing: Client, consuming: Client, options: BenchEndToEndOptions): Promise<void> {
  const { name, partitionCount } = await prepareTopic(producing, options)
  const { rate, seconds, recordBytes } = options
  const payload = new Payload(recordBytes)
  const latencies = new Latencies()
  const lateness = new Latencies()
  const producer = producing.producer({ batchBytes: options.batchBytes, lingerMs: options.linger })
  const offsets = await consuming.admin().listOffsets(name, 'latest')
  const from = { offsets: Object.fromEntries(offsets.map(({ partition, offset }) => [partition, offset])) }
  const consumer = consuming.consumer({ topic: name, from })
  const reading = readUntilClosed(consumer, latencies)
  // One record a partition, not measured: everything is looked up and subscribed when the clock starts.
  const first = offsets.map(({ partition }) => producer.send({ topic: name, partition, value: payload.next(notDue) }))
  await Promise.all(first)
  const status = await producing.admin().clusterStatus()
  const cpu = new CpuMeter(status.pid)
  const startedAt = new Date().toISOString()
  const startMs = performance.now()
  let sentCount = 0
  const send = (count: number, dueMs: number) => {
    for (let left = count; left > 0; left--) {
      producer.write({ topic: name, partition: sentCount++ % partitionCount, value: payload.next(dueMs) })
    }
  }
  const load = () => paced(rate, seconds, send, (lateMs) => lateness.record(lateMs))
  await withTimeProgress('producing and reading', seconds, () => latencies.count, load)
  await producer.close()
  await untilRead(latencies, sentCount)
  const elapsedSeconds = (performance.now() - startMs) / 1000
  const shares = cpu.read(latencies.count)
  await consumer.close()
  await reading
  const endToEnd = latencies.summary()
  const delivered = latencies.count
  const measured = {
    name: `e2e, ${rate} records/s`,
    load: loadOf('e2e', partitionCount, options),
    startedAt,
    warmUpSeconds: 0,
    seconds: elapsedSeconds,
    records: { sent: sentCount, acknowledged: delivered, failed: sentCount - delivered, delivered },
    latency: endToEnd === undefined ? {} : { endToEnd },
    lateness: lateness.summary(),
    cpu: shares,
    valueBytes: delivered * recordBytes,
  }
  printResult(resultOf(measured, status), options.json ?? false)
}

async function readUntilClosed(consumer: Consumer, latencies: Latencies): Promise<void> {
  for await (const batch of consumer) {
    const nowMs = performance.now()
    batch.forEach((record) => {
      const dueMs = dueMsOf(record.bytes, record.valueStart)
      if (dueMs !== notDue) latencies.record(nowMs - dueMs)
    })
  }
}

const longestWaitMs = 10_000

/** Everything that was acknowledged is delivered soon after. */
async function untilRead(latencies: Latencies, count: number): Promise<void> {
  const endMs = performance.now() + longestWaitMs
  while (latencies.count < count && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 5))
}
