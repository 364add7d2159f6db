/**
 * Runs a view that is drawn again and again, until a key or a signal ends it.
 * Runs on: main. Touches: the terminal, a timer.
 */
import { FrameDifference } from './frame-difference.js'
import { Terminal, type TerminalSize } from './terminal.js'

export interface LiveView {
  /** The lines of the screen, each cut to the columns. Called for every frame, and after every key. */
  draw(size: TerminalSize): readonly string[]
  /** Keys that the view's owner does not know. 'end' ends the view. */
  key(name: string): 'end' | undefined
}

export interface LiveViewOptions {
  readonly framesPerSecond: number
  /** Ends the view from outside; an error is thrown out of runLiveView once the screen is restored. */
  readonly signal?: AbortSignal
}

/** How it ended: by a key, or by a signal that the caller should end with, too. */
export type LiveEnd = 'key' | NodeJS.Signals

export async function runLiveView(view: LiveView, options: LiveViewOptions): Promise<LiveEnd> {
  const frames = new FrameDifference()
  let finish: (end: LiveEnd) => void = () => {}
  const ended = new Promise<LiveEnd>((resolve) => {
    finish = resolve
  })
  const terminal = new Terminal({
    key: (name) => {
      if (name === 'ctrl-z') return terminal.suspend()
      if (name === 'ctrl-l') frames.forget()
      if (name === 'ctrl-c' || view.key(name) === 'end') return finish('key')
      draw()
    },
    redraw: () => {
      frames.forget()
      draw()
    },
    // Ctrl-C of a terminal that is not raw yet is a key all the same.
    end: (signal) => finish(signal === 'SIGINT' ? 'key' : signal),
  })
  const draw = () => {
    const { size } = terminal
    const text = frames.next(view.draw(size), size.rows, size.columns)
    if (text !== '') terminal.write(text)
  }
  const onAbort = () => finish('key')
  options.signal?.addEventListener('abort', onAbort, { once: true })
  terminal.open()
  const timer = setInterval(draw, 1000 / options.framesPerSecond)
  try {
    draw()
    return await ended
  } finally {
    clearInterval(timer)
    terminal.close()
    options.signal?.removeEventListener('abort', onAbort)
  }
}

/** Ends the process as a signal does that nobody listens to. */
export function endBySignal(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}
