/**
 * Main's loop over the reply rings: woken by its doorbell, it drains for half a millisecond, lets sessions send, moves
 * the fan-out on, and gives the event loop back.
 * Runs on: main. Touches: the front end's doorbell, a timer. Never blocks.
 */
import { Doorbell } from '../../native-free-core/ring/doorbell.js'

/** How long one turn may drain, and how long it may fan out. */
const turnMs = 0.5
/** A lost wake-up would be a bug; it costs this much, not for ever. Also keeps the process alive. */
const watchdogIntervalMs = 100
/** When something waits for room in a ring: shards do not say that they made some. */
const retryMs = 1

export interface ReplySource {
  drain(deadlineMs: number): boolean
  hasReplies(): boolean
  readonly hasWaiting: boolean
  pumpWaiting(): void
  flush(): void
}

export interface PumpWork {
  /** At the start of a turn. */
  onTurn(nowMs: number): void
  /** After replies were taken: acknowledgements go out first. */
  afterDrain(): void
  /** Moves deliveries on until `deadlineMs`; true when there is more to do. */
  fanOut(deadlineMs: number): boolean
}

export class ReplyPump {
  private readonly doorbell: Doorbell
  private readonly sources: ReplySource[]
  private readonly work: PumpWork
  private isArmed = false
  private isScheduled = false
  /** A turn is under way: what it makes is sent at its end. */
  isRunning = false
  private retry: NodeJS.Timeout | undefined
  private watchdog: NodeJS.Timeout | undefined
  private readonly turn = (): void => {
    this.isScheduled = false
    this.run()
  }
  private readonly onRung = (): void => {
    this.isArmed = false
    if (!this.isScheduled) this.run()
  }

  constructor(doorbell: SharedArrayBuffer, sources: readonly ReplySource[], work: PumpWork) {
    this.doorbell = new Doorbell(doorbell)
    this.sources = [...sources]
    this.work = work
  }

  addSource(source: ReplySource): void {
    this.sources.push(source)
  }

  start(): void {
    this.watchdog = setInterval(() => {
      if (this.sources.some((source) => source.hasReplies())) this.kick()
    }, watchdogIntervalMs)
    this.run()
  }

  stop(): void {
    clearInterval(this.watchdog)
    clearTimeout(this.retry)
    this.watchdog = undefined
    // The last waiter of the doorbell resolves: no promise is left behind.
    this.doorbell.ring()
  }

  /** Runs a turn soon. */
  kick(): void {
    if (this.isScheduled || this.watchdog === undefined) return
    this.isScheduled = true
    setImmediate(this.turn)
  }

  private run(): void {
    if (this.watchdog === undefined) return
    this.isRunning = true
    const hasMore = this.oneTurn()
    this.isRunning = false
    if (hasMore) return this.kick()
    this.doorbell.park()
    if (this.sources.some((source) => source.hasReplies())) {
      this.doorbell.unpark()
      return this.kick()
    }
    this.arm()
  }

  private oneTurn(): boolean {
    let hasMore = false
    const nowMs = performance.now()
    const deadlineMs = nowMs + turnMs
    this.work.onTurn(nowMs)
    for (const source of this.sources) if (source.drain(deadlineMs)) hasMore = true
    this.work.afterDrain()
    if (this.work.fanOut(performance.now() + turnMs)) hasMore = true
    let isWaiting = false
    for (const source of this.sources) {
      if (source.hasWaiting) source.pumpWaiting()
      if (source.hasWaiting) isWaiting = true
      source.flush()
    }
    if (isWaiting) this.retrySoon()
    return hasMore
  }

  private retrySoon(): void {
    this.retry ??= setTimeout(() => {
      this.retry = undefined
      this.kick()
    }, retryMs)
  }

  /** At most one wait is outstanding; if the old one is still there, the bell will end that. */
  private arm(): void {
    if (this.isArmed) return
    const rung = this.doorbell.wait()
    if (rung === undefined) return this.kick()
    this.isArmed = true
    void rung.then(this.onRung)
  }
}
