/**
 * Starts, kills and stops a broker process of a chaos test, always on the same port.
 * Runs on: the test process. Touches: a child process, a port.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { BrokerOptions } from '../../src/broker/start-broker.js'

const mainFile = fileURLToPath(new URL('./broker-main.js', import.meta.url))
const startLimitMs = 60_000

/** Not ended yet. Whoever is told to end takes them along. */
const living = new Set<ChildProcess>()

function endWithThisProcess(child: ChildProcess): void {
  if (living.size === 0) {
    process.on('exit', endLiving)
    for (const [signal, end] of endBySignal) process.on(signal, end)
  }
  living.add(child)
  child.once('exit', () => {
    living.delete(child)
    if (living.size > 0) return
    process.off('exit', endLiving)
    for (const [signal, end] of endBySignal) process.off(signal, end)
  })
}

function endLiving(): void {
  for (const child of living) child.kill('SIGKILL')
}

const endBySignal = (
  [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const
).map(([signal, exitCode]) => [signal, () => process.exit(exitCode)] as const)

export class BrokerProcess {
  private readonly child: ChildProcess
  private readonly exited: Promise<number>
  /** Resolves when it accepts connections; rejects with what it said when it ends before. */
  readonly ready: Promise<void>
  private said = ''
  private complained = ''

  /**
   * `command`: what runs Node.js, such as strace with its arguments; `nodeArgs`: what Node.js itself gets.
   */
  constructor(
    options: BrokerOptions,
    environment: Record<string, string> = {},
    command: readonly string[] = [],
    nodeArgs: readonly string[] = [],
  ) {
    const words = [...command, process.execPath, ...nodeArgs, mainFile, JSON.stringify(options)]
    this.child = spawn(words[0]!, words.slice(1), {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    endWithThisProcess(this.child)
    this.child.stderr!.on('data', (bytes: Buffer) => {
      this.complained += bytes.toString()
    })
    this.exited = new Promise((resolve) => {
      this.child.once('exit', (code) => resolve(code ?? -1))
    })
    this.ready = this.waitUntilReady()
    // Whoever kills it before it is ready does not wait.
    this.ready.catch(() => undefined)
  }

  private waitUntilReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not ready in ${startLimitMs} ms`)), startLimitMs)
      this.child.stdout!.on('data', (bytes: Buffer) => {
        this.said += bytes.toString()
        if (!/^ready .*\n/m.test(this.said)) return
        clearTimeout(timer)
        resolve()
      })
      void this.exited.then((code) => {
        clearTimeout(timer)
        reject(new Error(`the broker ended with ${code}: ${this.complained}`))
      })
    })
  }

  /** Where it listens, once it is ready. */
  get port(): number {
    return Number(/^ready \d+ (\d+)$/m.exec(this.said)![1])
  }

  get server(): string {
    return `127.0.0.1:${this.port}`
  }

  get pid(): number {
    return this.child.pid!
  }

  /** The exit code; -1 after a signal. */
  get ended(): Promise<number> {
    return this.exited
  }

  /** What it wrote to its standard error: its log, and why it ended. */
  get complaint(): string {
    return this.complained
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  /** kill -9; resolves when it is gone. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
  }

  /** As SIGTERM; resolves with the exit code. */
  async stop(): Promise<number> {
    this.child.kill('SIGTERM')
    return this.exited
  }

  /** Throws with the end of its log when it does not end with 0. */
  async stopCleanly(): Promise<void> {
    const code = await this.stop()
    if (code !== 0) throw new Error(`the broker stopped with ${code}: ${this.complained.slice(-2000)}`)
  }
}

/** A port that nobody listens on just now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
