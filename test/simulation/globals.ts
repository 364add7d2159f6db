/**
 * Puts a world's clock, timers, waits and randomness in place of the language's and of Node.js's, while the world
 * is entered: product code runs unchanged and can't reach the real ones.
 * Runs on: the process that simulates. Touches: the globals named here, and exports of node:crypto, node:perf_hooks
 * and node:v8. Outside of a world all of them do what they always do.
 *
 * | of the real world                                             | in a world                                  |
 * |---------------------------------------------------------------|---------------------------------------------|
 * | Date.now, new Date(), performance.now, process.hrtime         | the world's clocks                          |
 * | setTimeout, setInterval, setImmediate and their clear...      | timers of the process whose step it is      |
 * | Atomics.waitAsync                                             | goes on in a step, once the word has changed |
 * | Math.random, randomBytes, getRandomValues                     | the world's entropy                         |
 * | Atomics.wait, randomUUID, randomInt, randomFillSync           | throw: nothing here may use them            |
 * | SharedArrayBuffer                                             | from a pool: making one costs as much as a |
|                                                               | hundred steps                               |
| GCProfiler, PerformanceObserver, eventLoopUtilization, ...    | do nothing: they would measure this process |
 */
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import perfHooks from 'node:perf_hooks'
import v8 from 'node:v8'
import type { SimTimer, World } from './world.js'

let active: World | undefined
let isInstalled = false

/** From now on the clocks are the world's; `leave` in a finally. */
export function enter(world: World): void {
  if (!isInstalled) install()
  if (active !== undefined) throw new Error('a world in a world')
  active = world
}

export function leave(): void {
  active = undefined
}

const real = { setImmediate, Date, now: performance.now.bind(performance) }

/** Lets the real event loop turn; outside of worlds. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => void real.setImmediate(resolve))
}

/** The real time that has passed, for reports about the simulation itself. */
export function realNowMs(): number {
  return real.now()
}

type Callable = (...args: never[]) => unknown

/** `ours` while a world is entered, what was there otherwise. */
function put(owner: object, name: string, ours: (world: World, ...args: never[]) => unknown): void {
  const holder = owner as Record<string, Callable>
  const theirs = holder[name]
  if (theirs === undefined) return
  const replaced = function (this: unknown, ...args: never[]): unknown {
    return active === undefined ? Reflect.apply(theirs, this, args) : ours(active, ...args)
  }
  // What else hangs on the function, such as setTimeout's promisified form.
  Object.defineProperties(replaced, Object.getOwnPropertyDescriptors(theirs))
  Object.defineProperty(holder, name, { value: replaced, writable: true, configurable: true, enumerable: true })
}

function forbid(owner: object, ...names: string[]): void {
  for (const name of names) {
    put(owner, name, () => {
      throw new Error(`${name} of the real world was called in a simulation`)
    })
  }
}

function fill<Bytes extends ArrayBufferView>(world: World, into: Bytes): Bytes {
  const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength)
  bytes.set(world.entropy.bytes(bytes.length))
  return into
}

class Handle {
  readonly timer: SimTimer
  constructor(timer: SimTimer) {
    this.timer = timer
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
  hasRef(): boolean {
    return true
  }
}

function after(world: World, run: (...args: unknown[]) => void, delayMs: number, args: unknown[], isRepeated: boolean) {
  const task = args.length === 0 ? run : () => run(...args)
  return new Handle(
    world.addTimer(world.current, Math.max(1, delayMs || 0), task, isRepeated ? Math.max(1, delayMs) : -1),
  )
}

function cancel(_world: World, handle: unknown): void {
  if (handle instanceof Handle) _world.cancelTimer(handle.timer)
}

function install(): void {
  isInstalled = true
  installClocks()
  installTimers()
  installAtomics()
  installMemory()
  installModules()
}

function installClocks(): void {
  class SimDate extends real.Date {
    constructor(...args: unknown[]) {
      if (args.length === 0 && active !== undefined) super(active.wallMs)
      else super(...(args as [number]))
    }
  }
  globalThis.Date = SimDate as DateConstructor
  put(SimDate, 'now', (world) => world.wallMs)
  put(performance, 'now', (world) => world.readClock())
  put(performance, 'eventLoopUtilization', () => ({ idle: 0, active: 0, utilization: 0 }))
  put(Math, 'random', (world) => world.entropy.word() / 2 ** 32)
  put(process.hrtime, 'bigint', (world) => BigInt(Math.round(world.readClock() * 1e6)))
  put(process, 'hrtime', (world) => [Math.floor(world.readClock() / 1000), Math.round((world.nowMs % 1000) * 1e6)])
}

function installTimers(): void {
  type Run = (...args: unknown[]) => void
  put(globalThis, 'setTimeout', (world, run: Run, ms: number, ...args: unknown[]) => after(world, run, ms, args, false))
  put(globalThis, 'setInterval', (world, run: Run, ms: number, ...args: unknown[]) => after(world, run, ms, args, true))
  put(globalThis, 'setImmediate', (world, run: Run, ...args: unknown[]) => {
    const { current } = world
    const timer: SimTimer = { id: 0, process: current, run, intervalMs: -1, dueMs: 0, isCancelled: false }
    world.post(current, () => {
      if (!timer.isCancelled) run(...args)
    })
    return new Handle(timer)
  })
  for (const name of ['clearTimeout', 'clearInterval', 'clearImmediate']) put(globalThis, name, cancel)
}

function installAtomics(): void {
  forbid(Atomics, 'wait')
  put(Atomics, 'waitAsync', (world, words: Int32Array, index: number, value: number) => {
    if (words[index] !== value) return { async: false, value: 'not-equal' }
    const { current } = world
    // Not a promise: its reactions would run whenever microtasks do.
    // oxlint-disable-next-line unicorn/no-thenable -- what waits for it is to be seen by the scheduler
    const rung = { then: (go: () => void) => void current.bells.push({ words, index, ring: go }) }
    return { async: true, value: rung }
  })
}

const pooledBytes = 16 * 1024
/** Larger ones are rings, where nothing is read but what was written since. */
const clearedBytes = 512 * 1024
const pool = new Map<number, SharedArrayBuffer[]>()

function installMemory(): void {
  const Real = SharedArrayBuffer
  const Pooled = function (lengthBytes: number): SharedArrayBuffer {
    if (active === undefined || !(lengthBytes >= pooledBytes)) return new Real(lengthBytes)
    const memory = pool.get(lengthBytes)?.pop() ?? new Real(lengthBytes)
    active.current.memories.push(memory)
    return memory
  }
  Pooled.prototype = Real.prototype
  Object.setPrototypeOf(Pooled, Real)
  globalThis.SharedArrayBuffer = Pooled as unknown as SharedArrayBufferConstructor
}

/** Of a process that is no more: nobody writes into it any more. */
export function recycle(memories: SharedArrayBuffer[]): void {
  for (const memory of memories) {
    const length = memory.byteLength
    new Uint8Array(memory, 0, length > clearedBytes ? 4096 : length).fill(0)
    const free = pool.get(length)
    if (free === undefined) pool.set(length, [memory])
    else if (free.length < 32) free.push(memory)
  }
  memories.length = 0
}

function installModules(): void {
  put(crypto, 'randomBytes', (world, size: number) => fill(world, Buffer.alloc(size)))
  put(globalThis.crypto, 'getRandomValues', (world, into: Uint8Array) => fill(world, into))
  forbid(crypto, 'randomUUID', 'randomInt', 'randomFillSync', 'randomFill')
  stub(v8, 'GCProfiler', { start: () => undefined, stop: () => undefined })
  stub(perfHooks, 'PerformanceObserver', { observe: () => undefined, disconnect: () => undefined })
  const histogram = { enable: () => true, disable: () => true, reset: () => undefined, percentile: () => 0 }
  put(perfHooks, 'monitorEventLoopDelay', () => histogram)
  syncBuiltinESMExports()
}

/** A class whose objects, made in a world, are `instead`. */
function stub(owner: object, name: string, instead: object): void {
  const holder = owner as Record<string, unknown>
  const Theirs = holder[name] as new (...args: unknown[]) => object
  const Ours = function (...args: unknown[]): object {
    return active === undefined ? new Theirs(...args) : instead
  }
  Object.defineProperty(holder, name, { value: Ours, writable: true, configurable: true, enumerable: true })
}
