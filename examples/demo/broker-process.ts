/**
 * The broker of the demo: a process that is killed and started again, always on the same port and folder.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** From build/examples/demo. */
const program = fileURLToPath(new URL('../../../bin/streambus.js', import.meta.url))
const readyTimeoutMs = 30_000
const pollMs = 10

export class BrokerProcess {
  readonly port: number
  private readonly folder: string
  private child: ChildProcess | undefined
  private complaints = ''
  private readonly onExit = () => this.child?.kill('SIGKILL')

  private constructor(port: number, folder: string) {
    this.port = port
    this.folder = folder
    process.on('exit', this.onExit)
  }

  static async create(): Promise<BrokerProcess> {
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const address = probe.address()
    probe.close()
    if (address === null || typeof address === 'string') throw new Error('no free port')
    return new BrokerProcess(address.port, mkdtempSync(join(tmpdir(), 'streambus-demo-')))
  }

  get pid(): number | undefined {
    return this.child?.pid
  }

  /** Resolves when it is ready, with the time that took in ms. */
  async start(): Promise<number> {
    const config = join(this.folder, 'broker.yaml')
    writeFileSync(
      config,
      `dataFolder: ${JSON.stringify(join(this.folder, 'data'))}\nport: ${this.port}\nlogLevel: warn\n`,
    )
    const startMs = performance.now()
    // A group of its own: Ctrl-C is for the demo, which still has to read what the broker holds.
    const child = spawn(process.execPath, [program, 'broker', '--config', config], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    })
    this.child = child
    child.stderr.on('data', (bytes: Buffer) => {
      this.complaints = (this.complaints + bytes.toString()).slice(-2000)
    })
    while (performance.now() - startMs < readyTimeoutMs) {
      const answer = await fetch(`http://127.0.0.1:${this.port}/health/ready`).catch(() => undefined)
      if (answer?.ok) return performance.now() - startMs
      if (child.exitCode !== null) throw new Error(`the broker ended with ${child.exitCode}: ${this.complaints}`)
      await delay(pollMs)
    }
    throw new Error(`the broker was not ready after ${readyTimeoutMs / 1000} s: ${this.complaints}`)
  }

  /** Resolves when the process is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { child } = this
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }

  async remove(): Promise<void> {
    await this.end('SIGTERM')
    process.off('exit', this.onExit)
    rmSync(this.folder, { recursive: true, force: true })
  }
}
