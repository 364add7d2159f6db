/**
 * `bench produce`: how many records a second are acknowledged flat out, or how long each takes at a rate.
 * Runs on: main. Touches: the client, stdout.
 */
import {
  type Client,
  connect,
  type ConnectOptions,
  type DeliveryReport,
  type Producer,
  type StreamBusError,
} from '../client/index.js'
import { CpuMeter, Latencies } from './measurements.js'
import { printResult, resultOf } from './report.js'
import { withTimeProgress } from './time-progress.js'
import { type BenchOptions, DueQueue, loadOf, paced, Payload, prepareTopic } from './workload.js'

export interface BenchProduceOptions extends BenchOptions {
  readonly batchBytes: number
  readonly linger: number
  /** Records a second; absent: flat out. */
  readonly rate?: number
  /** Seconds of the same load before, that are not counted. */
  readonly warmUp?: number
}

class Run {
  latencies = new Latencies()
  lateness = new Latencies()
  readonly payload: Payload
  readonly dues: DueQueue[] = []
  deliveredCount = 0
  failedCount = 0
  error: StreamBusError | undefined
  readonly topic: string
  private nextPartition = 0

  constructor(topic: string, partitionCount: number, recordBytes: number) {
    this.topic = topic
    this.payload = new Payload(recordBytes)
    for (let partition = 0; partition < partitionCount; partition++) this.dues.push(new DueQueue())
  }

  /** What was counted so far was the warm-up. Nothing is under way. */
  startCounting(): void {
    this.latencies = new Latencies()
    this.lateness = new Latencies()
    this.deliveredCount = 0
  }

  delivered({ partition, recordCount, error }: DeliveryReport): void {
    if (error === undefined) this.deliveredCount += recordCount
    else {
      this.failedCount += recordCount
      this.error ??= error
    }
    const nowMs = performance.now()
    this.dues[partition]?.take(recordCount, (dueMs, count) => this.latencies.record(nowMs - dueMs, count))
  }

  /** Partition after partition, as many producers would. */
  sendDue(producer: Producer, count: number, dueMs: number): void {
    for (let left = count; left > 0; left--) {
      const partition = this.nextPartition
      this.nextPartition = (partition + 1) % this.dues.length
      this.dues[partition]!.push(dueMs)
      producer.write({ topic: this.topic, partition, value: this.payload.next(dueMs) })
    }
  }
}

/** Records between two looks at the clock. */
const recordsPerLook = 500

async function flatOut(producer: Producer, run: Run, seconds: number): Promise<void> {
  const endMs = performance.now() + seconds * 1000
  const { topic, payload } = run
  for (let nowMs = performance.now(); nowMs < endMs; nowMs = performance.now()) {
    for (let left = recordsPerLook; left > 0; left--) {
      if (!producer.write({ topic, value: payload.next(nowMs) })) await producer.ready()
    }
  }
}

export async function benchProduce(target: ConnectOptions, options: BenchProduceOptions): Promise<void> {
  const client = await connect({ ...target, clientName: 'streambus-bench' })
  try {
    await measure(client, options)
  } finally {
    await client.close()
  }
}

async function measure(client: Client, options: BenchProduceOptions): Promise<void> {
  const { name, partitionCount } = await prepareTopic(client, options)
  const { rate, seconds, recordBytes } = options
  const run = new Run(name, partitionCount, recordBytes)
  const producer = client.producer({
    batchBytes: options.batchBytes,
    lingerMs: options.linger,
    onDelivery: (report) => run.delivered(report),
  })
  // The topic and the producer id are looked up before the clock starts.
  await producer.send({ topic: name, value: run.payload.next(0), partition: 0 })
  const load = (forSeconds: number): Promise<void> => {
    if (rate === undefined) return flatOut(producer, run, forSeconds)
    const send = (count: number, dueMs: number) => run.sendDue(producer, count, dueMs)
    return paced(rate, forSeconds, send, (lateMs) => run.lateness.record(lateMs))
  }
  await load(options.warmUp ?? 0)
  await producer.flush()
  run.startCounting()
  const status = await client.admin().clusterStatus()
  const cpu = new CpuMeter(status.pid)
  const startedAt = new Date().toISOString()
  const startMs = performance.now()
  await withTimeProgress(
    'producing',
    seconds,
    () => run.deliveredCount,
    () => load(seconds),
  )
  await producer.flush()
  const elapsedSeconds = (performance.now() - startMs) / 1000
  const shares = cpu.read(run.deliveredCount)
  await producer.close()
  const produce = run.latencies.summary()
  const { deliveredCount, failedCount } = run
  const measured = {
    name: rate === undefined ? 'produce, flat out' : `produce, ${rate} records/s`,
    load: loadOf('produce', partitionCount, options),
    startedAt,
    warmUpSeconds: options.warmUp ?? 0,
    seconds: elapsedSeconds,
    records: { sent: deliveredCount + failedCount, acknowledged: deliveredCount, failed: failedCount },
    latency: produce === undefined ? {} : { produce },
    lateness: run.lateness.summary(),
    cpu: shares,
    valueBytes: deliveredCount * recordBytes,
  }
  printResult(resultOf(measured, status), options.json ?? false)
  if (run.error !== undefined) throw run.error
}
