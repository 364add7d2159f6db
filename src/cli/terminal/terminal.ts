/**
 * The terminal that a live view draws on: the alternate screen while it runs, and what was there before afterwards,
 * whichever way the process ends (SIGKILL apart).
 * Runs on: main. Touches: stdin, stdout, signals.
 */
import { keysOf } from './keys.js'

const enterScreen = '\x1b[?1049h\x1b[?25l\x1b[?7l'
const leaveScreen = '\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l'
/** For a pseudo-terminal that does not know its size. */
const usualSize = { rows: 24, columns: 80 } as const

export interface TerminalSize {
  readonly rows: number
  readonly columns: number
}

export interface TerminalEvents {
  key(name: string): void
  /** Draw everything again: the size changed, or the screen was somebody else's for a while. */
  redraw(): void
  /** The process was told to end, or nobody sees the terminal any more. */
  end(signal: NodeJS.Signals): void
}

/** Longer than it takes to stop; does not pass while stopped. */
const stopMs = 50
const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export class Terminal {
  private readonly events: TerminalEvents
  private isOpen = false
  private isEntered = false
  private readonly onData = (chunk: Buffer | string) => {
    for (const key of keysOf(chunk.toString())) this.events.key(key)
  }
  private readonly onResize = () => this.events.redraw()
  private readonly onSignal = (signal: NodeJS.Signals) => this.events.end(signal)
  private readonly onContinue = () => {
    if (this.isEntered || !this.isOpen) return
    this.enter()
    this.events.redraw()
  }
  /** Comes before Node.js prints what nobody caught, which so stays on the screen. */
  private readonly onExit = () => this.leave()
  private readonly onLost = () => this.events.end('SIGHUP')

  constructor(events: TerminalEvents) {
    this.events = events
  }

  /** Whether there is a terminal to draw on and to read keys from. */
  static isThere(): boolean {
    return process.stdout.isTTY === true && process.stdin.isTTY === true && process.env['TERM'] !== 'dumb'
  }

  get size(): TerminalSize {
    const { rows, columns } = process.stdout
    return { rows: rows > 0 ? rows : usualSize.rows, columns: columns > 0 ? columns : usualSize.columns }
  }

  open(): void {
    this.isOpen = true
    process.on('exit', this.onExit)
    for (const signal of endSignals) process.on(signal, this.onSignal)
    process.on('SIGCONT', this.onContinue)
    process.stdout.on('resize', this.onResize)
    process.stdout.on('error', this.onLost)
    process.stdin.on('data', this.onData)
    process.stdin.on('end', this.onLost)
    process.stdin.on('error', this.onLost)
    this.enter()
  }

  close(): void {
    this.leave()
    this.isOpen = false
    process.off('exit', this.onExit)
    for (const signal of endSignals) process.off(signal, this.onSignal)
    process.off('SIGCONT', this.onContinue)
    process.stdout.off('resize', this.onResize)
    process.stdout.off('error', this.onLost)
    process.stdin.off('data', this.onData)
    process.stdin.off('end', this.onLost)
    process.stdin.off('error', this.onLost)
    process.stdin.pause()
  }

  write(text: string): void {
    process.stdout.write(text)
  }

  /** Ctrl-Z: gives the terminal back to the shell until it says that we go on; at once where no shell would. */
  suspend(): void {
    this.leave()
    process.kill(0, 'SIGTSTP')
    setTimeout(this.onContinue, stopMs)
  }

  private enter(): void {
    if (this.isEntered) return
    this.isEntered = true
    process.stdin.setRawMode(true)
    process.stdin.resume()
    this.write(enterScreen)
  }

  private leave(): void {
    if (!this.isEntered) return
    this.isEntered = false
    // Writing to a terminal is synchronous: it is done when the process ends.
    this.write(leaveScreen)
    process.stdin.setRawMode(false)
  }
}
