/**
 * Runs one load against a broker and tells what it found. Prints nothing.
 * Runs on: main; the load itself runs on threads of its own. Touches: a client of its own, worker threads, /proc.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, connect, type ConnectOptions } from '../client/index.js'
import { busiestThreadPercent, type BrokerSample, BrokerWatch, gcResults } from './broker-watch.js'
import { clockMs } from './clock.js'
import { calibrationMs, environmentOf } from './environment.js'
import { type Busy, latenessProblem, limitOf } from './judgement.js'
import { loadOf, type LoadOptions, type LoadPlan, planOf, usage } from './load-options.js'
import { LoadThreads, type ThreadResults } from './load-threads.js'
import { deleteTopics, type LoadTopics, prepareTopics } from './load-topics.js'
import { busiestMs, threadCpuMs } from './process-cpu.js'
import { type ReadBack, readBack } from './read-back.js'
import { type RunResult, runResultVersion } from './run-result.js'
import { stageResults } from './stages.js'
import { Counter, mergedOf, totalOf } from './thread-memory.js'
import type { ThreadTarget } from './thread/thread-data.js'
import { practiseLooking, Timeline } from './timeline.js'

export interface LoadProgress {
  readonly phase: 'preparing' | 'warming up' | 'measuring' | 'reading back'
  /** Since the phase began. */
  readonly seconds: number
  /** How long it takes; of `reading back`, absent. */
  readonly ofSeconds?: number
  readonly records: number
}

export interface LoadHooks {
  /** Ends the run: it then rejects with the signal's reason, when everything of it has ended. */
  readonly signal?: AbortSignal | undefined
  /** Called ten times a second. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined
  /** What people should know, in a sentence. */
  readonly onNotice?: ((text: string) => void) | undefined
}

/** Threads need so long to hear of a phase; it begins for all at the same time. */
const leadMs = 30
const progressIntervalMs = 100
/** What was acknowledged is delivered soon after. */
const deliveryTimeoutMs = 10_000

/** Rejects with USAGE for options that can't be, and with what the client or the broker says. */
export async function runLoad(target: ConnectOptions, options: LoadOptions, hooks: LoadHooks = {}): Promise<RunResult> {
  const plan = planOf(options)
  const calibratedMs = calibrationMs()
  const client = await connect({ ...target, clientName: 'streambus-bench', signal: hooks.signal })
  let topics: LoadTopics | undefined
  try {
    topics = await prepareTopics(client, plan, hooks.signal)
    if (!plan.deleteTopics && topics.created.length > 0) {
      hooks.onNotice?.(`created ${topicList(topics.created)}; delete what you need no more`)
    }
    const run = new Run(client, threadTargetOf(target, client), plan, topics, hooks)
    return { ...(await run.measure()), calibrationMs: calibratedMs }
  } finally {
    if (plan.deleteTopics && topics !== undefined) await deleteTopics(client, topics.created).catch(() => {})
    await client.close()
  }
}

function topicList(names: readonly string[]): string {
  return names.length === 1 ? `topic ${names[0]}` : `topics ${names[0]} to ${names.at(-1)}`
}

/** Of the broker that answered: all threads measure the same. */
function threadTargetOf({ tls, token }: ConnectOptions, client: Client): ThreadTarget {
  if (typeof token === 'function') {
    throw usage('the token is a function, which threads can not be given', 'Give the token itself.')
  }
  return { server: client.server, tls, token }
}

/** One moment of both sides. */
interface Moment {
  readonly atMs: number
  readonly cpu: NodeJS.CpuUsage
  readonly threads: ReadonlyMap<number, number>
  readonly broker: BrokerSample
}

class Run {
  private readonly client: Client
  private readonly target: ThreadTarget
  private readonly plan: LoadPlan
  private readonly topics: LoadTopics
  private readonly hooks: LoadHooks
  private threads: LoadThreads | undefined

  constructor(client: Client, target: ThreadTarget, plan: LoadPlan, topics: LoadTopics, hooks: LoadHooks) {
    this.client = client
    this.target = target
    this.plan = plan
    this.topics = topics
    this.hooks = hooks
  }

  async measure(): Promise<Omit<RunResult, 'calibrationMs'>> {
    const { plan, hooks, topics } = this
    hooks.signal?.throwIfAborted()
    const status = await this.client.admin().clusterStatus()
    const watch = new BrokerWatch(this.client.server, this.target, status, plan.brokerMetrics)
    const firstTag = Math.floor(Math.random() * 2 ** 32)
    const threads = new LoadThreads(plan, {
      target: this.target,
      places: topics.places,
      firstTag,
      reached: reachedOf(plan, topics),
    })
    this.threads = threads
    const onAbort = () => void threads.stop()
    hooks.signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await threads.ready()
      practiseLooking(threads.memories)
      if (plan.warmUpSeconds > 0) await this.phase('warming up', plan.warmUpSeconds)
      const startedAt = new Date().toISOString()
      const before = await momentOf(watch)
      const timeline = new Timeline(plan.kind, threads.memories, watch, before.broker)
      const seconds = await this.measuredSeconds(timeline)
      const after = await momentOf(watch)
      const results = await threads.finish()
      const verified = await this.verify(results)
      return this.result({ startedAt, seconds, status, before, after, timeline, results, verified })
    } catch (error) {
      hooks.signal?.throwIfAborted()
      throw error
    } finally {
      hooks.signal?.removeEventListener('abort', onAbort)
      await threads.end()
    }
  }

  private async measuredSeconds(timeline: Timeline): Promise<number> {
    try {
      return await this.phase('measuring', this.plan.seconds)
    } finally {
      await timeline.end()
    }
  }

  /** Resolves with how long it took until all of it was acknowledged and delivered. */
  private async phase(name: LoadProgress['phase'], seconds: number): Promise<number> {
    const { hooks, plan } = this
    const threads = this.threads!
    hooks.signal?.throwIfAborted()
    const startMs = threads.startFrom(clockMs() + leadMs)
    const counter = plan.kind === 'produce' || plan.kind === 'replay' ? Counter.acknowledged : Counter.delivered
    const tell = () => {
      const elapsed = Math.max(0, (clockMs() - startMs) / 1000)
      hooks.onProgress?.({
        phase: name,
        seconds: elapsed,
        ofSeconds: seconds,
        records: totalOf(threads.memories, counter),
      })
    }
    const timer = hooks.onProgress === undefined ? undefined : setInterval(tell, progressIntervalMs)
    try {
      await threads.run({ startMs, seconds })
      await this.untilDelivered()
    } finally {
      clearInterval(timer)
    }
    const tookMs = clockMs() - startMs
    hooks.signal?.throwIfAborted()
    return tookMs / 1000
  }

  private async untilDelivered(): Promise<void> {
    const { plan, hooks } = this
    if (plan.kind !== 'e2e' && plan.kind !== 'fanout') return
    const readers = plan.kind === 'fanout' ? plan.subscribers : 1
    const { memories } = this.threads!
    const endMs = clockMs() + deliveryTimeoutMs
    const wanted = totalOf(memories, Counter.acknowledged) * readers
    while (totalOf(memories, Counter.delivered) < wanted && clockMs() < endMs && !hooks.signal?.aborted) await delay(1)
  }

  private async verify({ sent }: ThreadResults): Promise<ReadBack | undefined> {
    const { plan, hooks, client, topics } = this
    if (!plan.verify || (plan.kind !== 'produce' && plan.kind !== 'e2e' && plan.kind !== 'fanout')) return undefined
    const startMs = clockMs()
    let records = 0
    const tell = () => hooks.onProgress?.({ phase: 'reading back', seconds: (clockMs() - startMs) / 1000, records })
    const timer = hooks.onProgress === undefined ? undefined : setInterval(tell, progressIntervalMs)
    try {
      return await readBack(client, topics.places, sent, (count) => (records += count), hooks.signal)
    } finally {
      clearInterval(timer)
    }
  }

  private result(measured: Measured): Omit<RunResult, 'calibrationMs'> {
    const { plan, topics } = this
    const { memories, firstRecordError } = this.threads!
    const { seconds, before, after, timeline } = measured
    const load = loadOf(plan, topics.partitions, topics.flush)
    const isRead = plan.kind === 'consume' || plan.kind === 'e2e' || plan.kind === 'fanout'
    const recordCount = totalOf(memories, isRead ? Counter.delivered : Counter.acknowledged)
    const produce = mergedOf(memories, 'produce').result()
    const endToEnd = mergedOf(memories, 'endToEnd').result()
    const fanOut = mergedOf(memories, 'fanOut').result()
    const lateness = mergedOf(memories, 'lateness').result()
    const problem = this.problem(measured, latenessProblem(lateness, endToEnd ?? produce, plan.maxLatenessMs))
    // Fan-out has one record for many deliveries; what was asked for is records.
    const recordsPerSecond = recordCount / seconds
    const askedPerSecond =
      (isRead && plan.kind === 'fanout' ? totalOf(memories, Counter.acknowledged) : recordCount) / plan.seconds
    const limitedBy = limitOf(load, askedPerSecond, this.busy(before, after))
    const residentMiB = after.broker.residentMiB
    const gc = gcResults(before.broker, after.broker, recordCount)
    const stages = stageResults(before.broker.metrics, after.broker.metrics)
    return {
      version: runResultVersion,
      name: plan.name,
      subject: 'StreamBus',
      startedAt: measured.startedAt,
      load,
      environment: environmentOf(measured.status),
      warmUpSeconds: plan.warmUpSeconds,
      seconds,
      records: this.records(measured),
      ...(firstRecordError === undefined ? {} : { firstError: firstRecordError }),
      recordsPerSecond,
      mebibytesPerSecond: this.bytes(recordCount) / seconds / (1024 * 1024),
      latency: {
        ...(produce === undefined ? {} : { produce }),
        ...(endToEnd === undefined ? {} : { endToEnd }),
        ...(fanOut === undefined ? {} : { fanOut }),
      },
      ...(lateness === undefined ? {} : { lateness }),
      cpu: cpuOf(before, after, recordCount),
      broker: {
        ...(residentMiB === undefined ? {} : { residentMiB }),
        ...largestOf(timeline.largestResidentMiB, residentMiB),
        ...(gc === undefined ? {} : { gc }),
        ...(stages === undefined ? {} : { stages }),
      },
      timeline: timeline.points,
      ...(limitedBy === undefined ? {} : { limitedBy }),
      ...(problem === undefined ? {} : { void: problem }),
    }
  }

  private records({ results, verified }: Measured): RunResult['records'] {
    const { kind, subscribers } = this.plan
    const { memories } = this.threads!
    const total = (name: keyof typeof Counter) => totalOf(memories, Counter[name])
    const counts = { sent: total('sent'), acknowledged: total('acknowledged'), failed: total('failed') }
    const read = kind === 'produce' || kind === 'replay' ? {} : { delivered: total('delivered') }
    if (verified === undefined) return { ...counts, ...read }
    const { lost, duplicated, outOfOrder } = verified
    const undelivered = kind === 'fanout' ? Math.max(0, counts.acknowledged * subscribers - total('delivered')) : 0
    return {
      ...counts,
      ...read,
      lost: lost + undelivered,
      duplicated: duplicated + results.duplicated,
      outOfOrder: outOfOrder + results.outOfOrder,
    }
  }

  private problem({ verified }: Measured, lateness: string | undefined): string | undefined {
    if (lateness !== undefined) return lateness
    const removed = verified?.removed ?? 0
    if (removed > 0) return `retention removed ${removed} records before they were read back`
    return undefined
  }

  /** What was sent and acknowledged, or read. */
  private bytes(recordCount: number): number {
    const { memories } = this.threads!
    const valueBytes = totalOf(memories, Counter.valueBytes)
    if (this.plan.kind === 'consume') return valueBytes
    const sent = totalOf(memories, Counter.sent)
    return sent === 0 ? 0 : (valueBytes / sent) * recordCount
  }

  private busy(before: Moment, after: Moment): Busy {
    const elapsedMs = after.atMs - before.atMs
    const ids = new Set(this.threads!.systemThreadIds)
    const ours = (threads: ReadonlyMap<number, number>) => new Map(Array.from(threads).filter(([id]) => ids.has(id)))
    const clientMs = busiestMs(ours(before.threads), ours(after.threads))
    return {
      clientThreadPercent: clientMs === undefined ? undefined : (clientMs / elapsedMs) * 100,
      brokerThreadPercent: busiestThreadPercent(before.broker, after.broker),
    }
  }
}

interface Measured {
  readonly startedAt: string
  readonly seconds: number
  readonly status: Readonly<Record<string, unknown>>
  readonly before: Moment
  readonly after: Moment
  readonly timeline: Timeline
  readonly results: ThreadResults
  readonly verified: ReadBack | undefined
}

/** Numbers of records, which begin with one for each place. */
function reachedOf(plan: LoadPlan, { places }: LoadTopics): SharedArrayBuffer | undefined {
  if (plan.kind !== 'fanout') return undefined
  const count = places.length + Math.ceil((plan.warmUpSeconds + plan.seconds) * plan.rate!) + 2
  return new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT)
}

async function momentOf(watch: BrokerWatch): Promise<Moment> {
  const broker = await watch.sample()
  return { atMs: performance.now(), cpu: process.cpuUsage(), threads: threadCpuMs(process.pid), broker }
}

function cpuOf(before: Moment, after: Moment, recordCount: number): RunResult['cpu'] {
  const elapsedMs = after.atMs - before.atMs
  const perMillion = (cpuMs: number) => (recordCount === 0 ? 0 : (cpuMs * 1000) / recordCount)
  const percent = (cpuMs: number) => Math.round((cpuMs / elapsedMs) * 100)
  const clientMs = (after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system) / 1000
  const client = { clientSecondsPerMillion: perMillion(clientMs), clientPercent: percent(clientMs) }
  if (before.broker.cpuMs === undefined || after.broker.cpuMs === undefined) return client
  const brokerMs = after.broker.cpuMs - before.broker.cpuMs
  return { ...client, brokerSecondsPerMillion: perMillion(brokerMs), brokerPercent: percent(brokerMs) }
}

function largestOf(...values: readonly (number | undefined)[]): { largestResidentMiB?: number } {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? {} : { largestResidentMiB: Math.max(...known) }
}
