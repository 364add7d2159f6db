/**
 * Makes system calls of a running process fail, as a bad disk does: strace takes hold of all its threads and answers in
 * the kernel's place.
 * Runs on: the test process, with strace as a process of its own. Needs strace and the right to trace.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const attachLimitMs = 20_000

export interface Injection {
  /** Names of system calls. */
  readonly calls: readonly string[]
  readonly error: 'EIO' | 'ENOSPC'
  /** Only calls on these. */
  readonly paths: readonly string[]
}

export class InjectedErrors {
  private readonly child: ChildProcess
  private readonly folder: string
  private readonly exited: Promise<void>

  /** Resolves once every thread is held. Rejects with what strace said when it may not, or is not there. */
  static async into(pid: number, injection: Injection): Promise<InjectedErrors> {
    const injected = new InjectedErrors(pid, injection)
    try {
      await injected.attached()
      return injected
    } catch (error) {
      await injected.end()
      throw error
    }
  }

  /** Why nothing can be injected here; undefined: it can. */
  static async obstacle(): Promise<string | undefined> {
    const victim = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { stdio: 'ignore' })
    try {
      await new Promise((resolve) => victim.once('spawn', resolve))
      const injected = await InjectedErrors.into(victim.pid!, {
        calls: ['pwrite64'],
        error: 'EIO',
        paths: ['/nowhere'],
      })
      await injected.end()
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    } finally {
      victim.kill('SIGKILL')
    }
  }

  private constructor(pid: number, { calls, error, paths }: Injection) {
    this.folder = mkdtempSync(join(tmpdir(), 'streambus-strace-'))
    const list = calls.join(',')
    const args = ['-f', '-p', String(pid), '-o', join(this.folder, 'trace'), '-e', `trace=${list}`]
    args.push('-e', `inject=${list}:error=${error}`, ...paths.flatMap((path) => ['-P', path]))
    this.child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.exited = new Promise((resolve) => {
      this.child.once('error', () => resolve())
      this.child.once('exit', () => resolve())
    })
  }

  private attached(): Promise<void> {
    return new Promise((resolve, reject) => {
      let said = ''
      const timer = setTimeout(() => reject(new Error(`strace: not attached in ${attachLimitMs} ms`)), attachLimitMs)
      const settle = (act: () => void): void => {
        clearTimeout(timer)
        act()
      }
      this.child.once('error', (error) => settle(() => reject(new Error(`strace: ${error.message}`))))
      this.child.stderr!.on('data', (bytes: Buffer) => {
        said += bytes.toString()
        if (/Process \d+ attached/.test(said)) settle(resolve)
      })
      void this.exited.then(() => settle(() => reject(new Error(said.trim().split('\n')[0] || 'strace ended'))))
    })
  }

  /** How many calls were answered with the error so far. */
  get count(): number {
    return readFileSync(join(this.folder, 'trace'), 'latin1').split('(INJECTED)').length - 1
  }

  /** From now on calls reach the kernel again. */
  async end(): Promise<void> {
    this.child.kill('SIGTERM')
    await this.exited
    rmSync(this.folder, { recursive: true, force: true })
  }
}
