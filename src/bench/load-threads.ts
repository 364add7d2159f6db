/**
 * The threads of one run: started, told what to do, waited for, ended; the pacer beside them while there is a rate.
 * Runs on: main. Touches: worker threads, their shared memory.
 */
import { Worker } from 'node:worker_threads'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { findWorkers } from '../broker/worker-files.js'
import type { LoadPlan } from './load-options.js'
import { clockMs } from './clock.js'
import { ThreadMemory } from './thread-memory.js'
import { alarmIntervalMs } from './thread/pace.js'
import type { LoadThreadData, Phase, Sent, ThreadAnswer, ThreadData, ThreadRequest } from './thread/thread-data.js'

/** A thread that was told to stop has so long for it. */
const stopTimeoutMs = 3000

type AnswerOf<Type extends ThreadAnswer['type']> = Extract<ThreadAnswer, { type: Type }>

class LoadThread {
  readonly memory = new ThreadMemory()
  systemThreadId: number | undefined
  private readonly worker: Worker
  private readonly answers: ThreadAnswer[] = []
  private failure: Error | undefined
  private readonly waiting: (() => void)[] = []

  constructor(data: Omit<LoadThreadData, 'memory'>) {
    this.worker = startWorker({ ...data, memory: this.memory.buffer })
    this.worker.on('message', (answer: ThreadAnswer) => {
      if (answer.type === 'error')
        this.failure ??= new StreamBusError(answer.error.name, answer.error.message, answer.error)
      else this.answers.push(answer)
      this.wakeAll()
    })
    this.worker.on('error', (error) => {
      this.failure ??= error as Error
      this.wakeAll()
    })
    this.worker.on('exit', () => {
      this.failure ??= new StreamBusError('UNKNOWN_SERVER_ERROR', 'a thread of the benchmark has ended')
      this.wakeAll()
    })
  }

  tell(request: ThreadRequest): void {
    this.worker.postMessage(request)
  }

  private wakeAll(): void {
    for (const wake of this.waiting.splice(0)) wake()
  }

  /** Rejects with the thread's error. */
  async answer<Type extends ThreadAnswer['type']>(type: Type): Promise<AnswerOf<Type>> {
    for (;;) {
      const at = this.answers.findIndex((answer) => answer.type === type)
      if (at >= 0) return this.answers.splice(at, 1)[0] as AnswerOf<Type>
      if (this.failure !== undefined) throw this.failure
      await new Promise<void>((resolve) => this.waiting.push(resolve))
    }
  }

  async end(): Promise<void> {
    await this.worker.terminate()
  }
}

function startWorker(workerData: ThreadData): Worker {
  return new Worker(`${findWorkers()}/load.js`, { workerData, name: `bench ${workerData.role}` } as object)
}

export interface ThreadResults {
  readonly sent: Sent[]
  readonly duplicated: number
  readonly outOfOrder: number
}

export class LoadThreads {
  readonly memories: readonly ThreadMemory[]
  private readonly threads: readonly LoadThread[]
  private readonly plan: LoadPlan
  private firstError: string | undefined
  private pacer: Pacer | undefined

  constructor(plan: LoadPlan, common: Pick<LoadThreadData, 'target' | 'places' | 'firstTag' | 'reached'>) {
    this.plan = plan
    this.threads = Array.from({ length: plan.threads }, (_, index) => {
      return new LoadThread({ role: 'load', index, plan, ...common })
    })
    this.memories = this.threads.map(({ memory }) => memory)
  }

  /** Of a record; the others are counted. */
  get firstRecordError(): string | undefined {
    return this.firstError
  }

  /** As the system counts threads; those that it does not tell are left out. */
  get systemThreadIds(): number[] {
    return this.threads.flatMap(({ systemThreadId }) => systemThreadId ?? [])
  }

  /** Resolves when all are connected and ready. */
  async ready(): Promise<void> {
    if (this.plan.rate !== undefined) this.pacer = new Pacer(this.memories, this.plan)
    await this.pacer?.ready
    await this.each(async (thread) => {
      thread.systemThreadId = (await thread.answer('ready')).threadId
    })
  }

  /** The first moment from `earliestMs` on at which the pacer rings; without one any will do. */
  startFrom(earliestMs: number): number {
    return this.pacer?.nextFrom(earliestMs) ?? earliestMs
  }

  /** Clears what was counted before. Resolves when nothing of the phase is under way any more. */
  async run(phase: Phase): Promise<void> {
    for (const memory of this.memories) memory.clear()
    for (const thread of this.threads) thread.tell({ type: 'run', phase })
    await this.each(async (thread) => {
      const { firstError } = await thread.answer('done')
      this.firstError ??= firstError
    })
  }

  /** What they sent. They end by themselves then. */
  async finish(): Promise<ThreadResults> {
    this.pacer?.stop()
    for (const thread of this.threads) thread.tell({ type: 'finish' })
    const all = await this.each(async (thread) => (await thread.answer('finished')).finished)
    return {
      sent: all.flatMap(({ sent }) => sent),
      duplicated: all.reduce((sum, { duplicated }) => sum + duplicated, 0),
      outOfOrder: all.reduce((sum, { outOfOrder }) => sum + outOfOrder, 0),
    }
  }

  /** Asks them to come to an end, and ends those that do not. */
  async stop(): Promise<void> {
    for (const thread of this.threads) thread.tell({ type: 'stop' })
    for (const { alarm } of this.memories) {
      Atomics.add(alarm, 0, 1)
      Atomics.notify(alarm, 0)
    }
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise((resolve) => {
      timer = setTimeout(resolve, stopTimeoutMs)
    })
    await Promise.race([timeout, this.finish().catch(() => {})])
    clearTimeout(timer)
    await this.end()
  }

  async end(): Promise<void> {
    this.pacer?.stop()
    await Promise.all(this.threads.map((thread) => thread.end()))
  }

  private each<Result>(action: (thread: LoadThread) => Promise<Result>): Promise<Result[]> {
    return Promise.all(this.threads.map(action))
  }
}

/** Rings from before the first phase until the last has ended: a thread that is starting would ring for nobody. */
class Pacer {
  /** Resolves when it rings, or has ended. */
  readonly ready: Promise<void>
  private readonly control = new SharedArrayBuffer(4)
  private readonly startMs = clockMs()
  private readonly intervalMs: number

  constructor(memories: readonly ThreadMemory[], { rate, stepMs }: LoadPlan) {
    const buffers = memories.map(({ buffer }) => buffer)
    const { control, startMs } = this
    this.intervalMs = alarmIntervalMs(rate!, stepMs)
    const worker = startWorker({ role: 'pacer', memories: buffers, control, startMs, intervalMs: this.intervalMs })
    this.ready = new Promise((resolve) => {
      worker.once('message', () => resolve())
      worker.once('exit', () => resolve())
    })
  }

  nextFrom(earliestMs: number): number {
    return this.startMs + Math.ceil((earliestMs - this.startMs) / this.intervalMs) * this.intervalMs
  }

  stop(): void {
    const words = new Int32Array(this.control)
    Atomics.store(words, 0, 1)
    Atomics.notify(words, 0)
  }
}
