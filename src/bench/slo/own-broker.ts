/**
 * A broker for one run: a process of its own on a free port, with an empty folder that goes with it.
 * Runs on: main. Touches: a child process, a folder below the system's temporary folder.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { BrokerConfig } from '../../../native-free-core/config/broker-config.js'
import { ConfigError } from '../../broker/config-problems.js'
import { TemporaryFolder } from '../../broker/temporary-folder.js'

const readyTimeoutMs = 30_000
const endTimeoutMs = 20_000
const pollMs = 20
const keptCharacters = 2000

export class OwnBroker {
  readonly server: string
  private readonly folder: TemporaryFolder
  private readonly child: ChildProcess
  private readonly endNow: () => void

  private constructor(server: string, folder: TemporaryFolder, child: ChildProcess, endNow: () => void) {
    this.server = server
    this.folder = folder
    this.child = child
    this.endNow = endNow
  }

  /** Resolves when it is ready. Throws what it complained of otherwise. */
  static async start(config: Partial<BrokerConfig>): Promise<OwnBroker> {
    const folder = TemporaryFolder.make()
    const port = await freePort()
    const file = join(folder.path, 'broker.yaml')
    // JSON is YAML.
    const settings = { logLevel: 'warn', ...config, dataFolder: join(folder.path, 'data'), host: '127.0.0.1', port }
    writeFileSync(file, JSON.stringify(settings))
    let complaints = ''
    // A group of its own: Ctrl-C is for the benchmark, which still reads back what the broker holds.
    const child = spawn(process.execPath, [...programArguments(), 'broker', '--config', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
      env: withoutOwnVariables(process.env),
    })
    child.stderr.on('data', (bytes: Buffer) => {
      complaints = (complaints + bytes.toString()).slice(-keptCharacters)
    })
    const endNow = () => child.kill('SIGKILL')
    process.on('exit', endNow)
    const broker = new OwnBroker(`127.0.0.1:${port}`, folder, child, endNow)
    try {
      await untilReady(port, child, () => complaints)
    } catch (error) {
      await broker.end()
      throw error
    }
    return broker
  }

  /** Resolves when its process and its folder are gone. */
  async end(): Promise<void> {
    const { child } = this
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      const timer = setTimeout(this.endNow, endTimeoutMs)
      await gone
      clearTimeout(timer)
    }
    process.off('exit', this.endNow)
    await this.folder.remove()
  }
}

/** The script that this process runs; a single executable has none. */
function programArguments(): string[] {
  const script = process.argv[1]
  return script === undefined || resolve(script) === process.execPath ? [] : [script]
}

/** What is set for this machine's broker must not change the one that is measured. */
function withoutOwnVariables(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !/^STREAMBUS_|^NOTIFY_SOCKET$/.test(name)))
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  if (address !== null && typeof address === 'object') return address.port
  throw notReady('found no free port', '')
}

async function untilReady(port: number, child: ChildProcess, complaints: () => string): Promise<void> {
  const endMs = performance.now() + readyTimeoutMs
  while (performance.now() < endMs) {
    const answer = await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined)
    if (answer?.ok === true) return
    if (child.exitCode !== null || child.signalCode !== null) {
      throw notReady(`ended with ${child.exitCode ?? child.signalCode}`, complaints())
    }
    await delay(pollMs)
  }
  throw notReady(`was not ready after ${readyTimeoutMs / 1000} s`, complaints())
}

function notReady(what: string, complaints: string): ConfigError {
  const message = `the broker of this run ${what}${complaints === '' ? '' : `: ${complaints.trim()}`}`
  return new ConfigError(
    [{ place: '', message }],
    'Its keys stand under broker in the profile; docs/configuration.md tells what each takes.',
  )
}
