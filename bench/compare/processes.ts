/**
 * Starts and ends what the comparison runs: servers, drivers that stay, tools that end. Every process is remembered
 * until it has ended, and ended by its id when the comparison is.
 * Runs on: main. Touches: processes, /proc.
 */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'

const running = new Set<ChildProcess>()
/** After SIGTERM; then the process is killed. */
const patienceMs = 8_000
/** What a process said last is kept for the error that tells of its end. */
const saidCharacters = 4_000

/** A process that is ended with this one. */
export function start(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  running.add(child)
  const forget = () => void running.delete(child)
  child.once('exit', forget)
  child.once('error', forget)
  return child
}

export function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null
}

/** Asks, waits, kills. Resolves when the process has ended. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (!isRunning(child)) return
  const exited = once(child, 'exit')
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs)
  await exited
  clearTimeout(timer)
}

export async function endAll(): Promise<void> {
  await Promise.all([...running].map((child) => end(child)))
}

/** The last of what a process prints. */
export class Said {
  text = ''

  constructor(child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (bytes: Buffer) => (this.text = (this.text + bytes.toString()).slice(-saidCharacters)))
    }
  }
}

/** Runs a tool to its end; resolves with what it printed, rejects with it when it failed or took too long. */
export async function runTool(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { readonly timeoutMs?: number; readonly goodExitCodes?: readonly number[] } = {},
): Promise<string> {
  const { timeoutMs = 120_000, goodExitCodes = [0], ...spawnOptions } = options
  const child = start(command, args, spawnOptions)
  let out = ''
  let errors = ''
  child.stdout?.on('data', (bytes: Buffer) => (out += bytes.toString()))
  child.stderr?.on('data', (bytes: Buffer) => (errors += bytes.toString()))
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    void end(child)
  }, timeoutMs)
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    if (code !== null && goodExitCodes.includes(code) && !isLate) return out
    const why = isLate ? `took longer than ${timeoutMs / 1000} s` : `ended with ${code}`
    // What it said comes first: that is what tables have room for.
    throw new Error(`${`${errors.slice(-1000)} ${out.slice(-500)}`.trim()} (${command} ${args.join(' ')} ${why})`)
  } finally {
    clearTimeout(timer)
  }
}

const ticksPerSecond = 100

/** User and system time of a process so far. */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

export function residentMiBOf(pid: number): number {
  return statusMiB(pid, 'VmRSS')
}

/** Since the process began, or since `forgetLargest`. */
export function largestResidentMiBOf(pid: number): number {
  return statusMiB(pid, 'VmHWM')
}

export function forgetLargest(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

function statusMiB(pid: number, key: string): number {
  const line = new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1]) / 1024
}

export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
