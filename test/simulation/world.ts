/**
 * Owned time, owned randomness and an owned scheduler: everything that runs in a simulation runs in steps that a seed
 * puts in order, in one thread.
 * Runs on: the process that simulates. Touches: nothing; `globals.ts` makes the language's own clock and timers its.
 *
 * Two kinds of things take steps:
 *   a process   an event loop: tasks that are ready, first in first out, and timers. A broker's main thread, a client.
 *   a thread    one that blocks: it is stepped, then sleeps until its doorbell is rung or its time has come.
 * Time stands still during a step but for what `performance.now` itself costs; when nobody can run it jumps to the next
 * moment at which somebody can.
 */
import type { Random } from '../support/random.js'
import type { Trace } from './trace.js'

export interface SimTimer {
  readonly id: number
  readonly process: SimProcess
  readonly run: () => void
  /** -1: once. */
  readonly intervalMs: number
  dueMs: number
  isCancelled: boolean
}

export class SimProcess {
  readonly name: string
  readonly ready: (() => void)[] = []
  /** By the time at which they are due. */
  readonly timers: SimTimer[] = []
  /** Sleepers of Atomics.waitAsync: the word that they wait for, and what goes on when it changes. */
  readonly bells: { readonly words: Int32Array; readonly index: number; readonly ring: () => void }[] = []
  /** Shared memory that it made. */
  readonly memories: SharedArrayBuffer[] = []
  isDead = false
  /** Its tasks leave promises behind. */
  hasPromises = false
  /** Of 16 times, how often a timer that is due goes before what is ready. */
  timersFirst = 8

  constructor(name: string) {
    this.name = name
  }
}

export interface SimThreadOptions {
  readonly name: string
  /** Dies with it. */
  readonly process: SimProcess
  readonly doorbell: SharedArrayBuffer
  /** For how many ms it may sleep; 0: not at all; negative: it has ended. */
  step(): number
  slept?(durationMs: number): void
}

export class SimThread {
  readonly options: SimThreadOptions
  readonly words: Int32Array
  sleepsSinceMs = 0
  /** -1: it is awake. */
  sleepsUntilMs = -1
  /** The disk, or the system, keeps it until then. */
  heldUntilMs = 0
  hasEnded = false

  constructor(options: SimThreadOptions) {
    this.options = options
    this.words = new Int32Array(options.doorbell)
  }
}

/** Of the doorbell: 1 while its owner sleeps. */
const parkedIndex = 0
/** What a disk may take for one call. */
const longestWaitMs = 20

export class World {
  readonly random: Random
  /** What crypto and Math.random give. */
  readonly entropy: Random
  readonly trace: Trace
  /** Since the beginning. */
  nowMs = 0
  /** Wall clock minus `nowMs`. */
  wallOffsetMs = 1_700_000_000_000
  readonly processes: SimProcess[] = []
  readonly threads: SimThread[] = []
  /** Whose step it is: timers belong to it. */
  current: SimProcess
  /** For the timeline. */
  currentName = ''
  /** Of 16 times, how often a thread is left out although it could run, by its name. */
  readonly lazy = new Map<string, number>()
  /** How long a thread that worked may be kept from going on; 0: never. */
  mostHeldMs = 0
  stepCount = 0
  /** Somebody left promises behind since this was set to false. */
  hasPromises = false
  private nextTimerId = 1
  private nesting: SimThread[] = []
  /** Of the step that chooses: those that could run. */
  private readonly candidates: (SimProcess | SimThread)[] = []
  /** Thrown in a step within another's: the outer one's code is not to see it. */
  private nestedError: { readonly error: unknown } | undefined

  constructor(random: Random, entropy: Random, trace: Trace) {
    this.random = random
    this.entropy = entropy
    this.trace = trace
    this.current = new SimProcess('nobody')
  }

  get wallMs(): number {
    return Math.floor(this.wallOffsetMs + this.nowMs)
  }

  say(who: string, what: string): void {
    this.trace.add(this.nowMs, who, what)
  }

  /** What performance.now answers: looking at the clock takes time, so that budgets run out in the middle. */
  readClock(): number {
    this.nowMs += 0.005
    return this.nowMs
  }

  // ---- processes and threads

  addProcess(name: string): SimProcess {
    const process = new SimProcess(name)
    this.processes.push(process)
    return process
  }

  addThread(options: SimThreadOptions): SimThread {
    const thread = new SimThread(options)
    this.threads.push(thread)
    return thread
  }

  /** It and its threads take no step any more. */
  kill(process: SimProcess): void {
    process.isDead = true
    process.ready.length = 0
    process.timers.length = 0
    process.bells.length = 0
    remove(this.processes, (one) => one === process)
    remove(this.threads, (one) => one.options.process === process)
  }

  /** Runs `task` in one of the process's next steps. */
  post(process: SimProcess, task: () => void): void {
    if (!process.isDead) process.ready.push(task)
  }

  addTimer(process: SimProcess, delayMs: number, run: () => void, intervalMs = -1): SimTimer {
    const dueMs = this.nowMs + Math.max(0, Number.isFinite(delayMs) ? delayMs : 0)
    const timer: SimTimer = { id: this.nextTimerId++, process, run, intervalMs, dueMs, isCancelled: false }
    if (!process.isDead) insert(process.timers, timer)
    return timer
  }

  cancelTimer(timer: SimTimer): void {
    timer.isCancelled = true
    remove(timer.process.timers, (one) => one === timer)
  }

  // ---- steps

  private running: SimThread | undefined

  /**
   * The thread whose step this is waits for the disk, and others go on meanwhile: up to `count` steps of theirs.
   * Promises go on only when the outer step is over. `isOver`: nobody may go on, the power is off.
   */
  letOthersRun(count: number, isOver: () => boolean): void {
    const { running, current, currentName } = this
    if (running === undefined || this.nesting.length >= 2) return
    this.nesting.push(running)
    try {
      for (let left = count; left > 0 && !isOver(); left--)
        if (this.step() === 'idle' && !this.jump(longestWaitMs)) break
    } catch (error) {
      this.nestedError ??= { error }
    }
    this.nesting.pop()
    this.running = running
    this.current = current
    this.currentName = currentName
  }

  /** Throws what a step within a step threw. */
  throwNested(): void {
    const { nestedError } = this
    this.nestedError = undefined
    if (nestedError !== undefined) throw nestedError.error
  }

  /** One step of somebody. 'idle': nobody can run now; see `jump`. */
  step(): 'thread' | 'process' | 'idle' {
    const { random, candidates } = this
    candidates.length = 0
    for (const thread of this.threads) if (this.mayRun(thread)) candidates.push(thread)
    for (const process of this.processes) if (this.hasTask(process)) candidates.push(process)
    if (candidates.length === 0) return 'idle'
    this.stepCount++
    if (random.below(4) === 0) this.nowMs += random.below(100) / 100
    const index = candidates.length === 1 ? 0 : random.below(candidates.length)
    const chosen = candidates[index]!
    this.trace.mix(index)
    if (chosen instanceof SimThread) {
      const laziness = this.lazy.size === 0 ? 0 : (this.lazy.get(chosen.options.name) ?? 0)
      if (laziness > 0 && candidates.length > 1 && random.below(16) < laziness) return 'thread'
      this.stepThread(chosen)
      return 'thread'
    }
    this.stepProcess(chosen)
    return 'process'
  }

  private mayRun(thread: SimThread): boolean {
    if (thread.hasEnded || thread.heldUntilMs > this.nowMs || this.nesting.includes(thread)) return false
    return thread.sleepsUntilMs <= this.nowMs || thread.words[parkedIndex] !== 1
  }

  /** Some process has something to do now. */
  get hasReady(): boolean {
    return this.processes.some((process) => this.hasTask(process))
  }

  private hasTask(process: SimProcess): boolean {
    if (process.bells.length > 0) this.ringBells(process)
    return process.ready.length > 0 || (process.timers.length > 0 && process.timers[0]!.dueMs <= this.nowMs)
  }

  private ringBells(process: SimProcess): void {
    for (let index = process.bells.length - 1; index >= 0; index--) {
      const bell = process.bells[index]!
      if (bell.words[bell.index] === 1) continue
      process.bells.splice(index, 1)
      process.ready.push(bell.ring)
    }
  }

  private stepThread(thread: SimThread): void {
    const { options } = thread
    this.current = options.process
    this.currentName = options.name
    if (thread.sleepsUntilMs >= 0) {
      thread.words[parkedIndex] = 0
      thread.sleepsUntilMs = -1
      options.slept?.(this.nowMs - thread.sleepsSinceMs)
    }
    this.running = thread
    const sleepMs = options.step()
    this.running = undefined
    if (sleepMs < 0) thread.hasEnded = true
    else if (sleepMs > 0) {
      thread.sleepsSinceMs = this.nowMs
      thread.sleepsUntilMs = this.nowMs + sleepMs
    } else if (this.mostHeldMs > 0 && this.random.below(8) === 0) {
      thread.heldUntilMs = this.nowMs + this.random.below(this.mostHeldMs)
    }
  }

  private stepProcess(process: SimProcess): void {
    if (process.hasPromises) this.hasPromises = true
    this.current = process
    this.currentName = process.name
    const timer = process.timers[0]
    const isDue = timer !== undefined && timer.dueMs <= this.nowMs
    if (isDue && (process.ready.length === 0 || this.random.below(16) < process.timersFirst)) {
      process.timers.shift()
      if (timer.intervalMs >= 0) {
        timer.dueMs = this.nowMs + Math.max(1, timer.intervalMs)
        insert(process.timers, timer)
      }
      timer.run()
    } else process.ready.shift()!()
  }

  /** Time goes on to the next moment at which somebody can run, up to `mostMs`. False: there is none. */
  jump(mostMs = Number.POSITIVE_INFINITY): boolean {
    let nextMs = Number.POSITIVE_INFINITY
    for (const thread of this.threads) {
      if (thread.hasEnded) continue
      const isAwake = thread.sleepsUntilMs < 0 || thread.words[parkedIndex] !== 1
      nextMs = Math.min(nextMs, isAwake ? thread.heldUntilMs : Math.max(thread.sleepsUntilMs, thread.heldUntilMs))
    }
    for (const { timers } of this.processes) if (timers.length > 0) nextMs = Math.min(nextMs, timers[0]!.dueMs)
    if (nextMs === Number.POSITIVE_INFINITY || nextMs > this.nowMs + mostMs) return false
    this.nowMs = Math.max(this.nowMs, nextMs)
    return true
  }
}

function insert(timers: SimTimer[], timer: SimTimer): void {
  let at = timers.length
  while (at > 0 && timers[at - 1]!.dueMs > timer.dueMs) at--
  timers.splice(at, 0, timer)
}

function remove<T>(items: T[], isIt: (item: T) => boolean): void {
  for (let index = items.length - 1; index >= 0; index--) if (isIt(items[index]!)) items.splice(index, 1)
}
