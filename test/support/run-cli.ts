/**
 * The command line as a process of its own, from the unbundled build.
 * Runs on: the test process; as a program: a process of a test.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'

export interface CliResult {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Another user and group; only root may. */
  readonly userId?: number
  /** Nobody reads what it prints: the pipe is closed before it begins. */
  readonly isUnread?: boolean
  /** Looks at what came so far; the first thing that it returns is done to the process. */
  readonly onOutput?: (stdout: string, stderr: string) => 'SIGINT' | 'close stdout' | undefined
}

/** Runs a command to its end. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const { STREAMBUS_SERVER: _server, ...env } = process.env
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], {
      env: { ...env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.userId === undefined ? {} : { uid: options.userId, gid: options.userId }),
    })
    let stdout = ''
    let stderr = ''
    let isActed = false
    const look = () => {
      const action = isActed ? undefined : options.onOutput?.(stdout, stderr)
      isActed ||= action !== undefined
      if (action === 'SIGINT') child.kill('SIGINT')
      if (action === 'close stdout') child.stdout.destroy()
    }
    child.stdout.on('data', (chunk) => ((stdout += chunk), look()))
    child.stderr.on('data', (chunk) => ((stderr += chunk), look()))
    if (options.isUnread === true) child.stdout.destroy()
    child.on('error', reject)
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }))
    // A command that reads no input may be gone before it is written.
    child.stdin.on('error', () => {})
    child.stdin.end(options.stdin ?? '')
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { main } = await import('../../src/cli/main.js')
  await main(process.argv.slice(2))
}
