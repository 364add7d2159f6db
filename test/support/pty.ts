/**
 * A program on a real pseudo-terminal, without a native package: `script` of util-linux (Debian's bsdutils, in every
 * installation) makes the terminal, and forwards what we write to it and what the program prints.
 * Runs on: the test process.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TerminalScreen } from './terminal-screen.js'

export interface PtyOptions {
  readonly columns?: number
  readonly rows?: number
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

/** Why there are no pseudo-terminals here; undefined: there are. */
export function whyNoPty(): string | undefined {
  const { status, stdout } = spawnSync('script', ['--version'], { encoding: 'utf8' })
  if (status === 0 && stdout.includes('util-linux')) return undefined
  return "needs util-linux' script command (Debian: apt-get install bsdutils)"
}

const running = new Set<Pty>()

/** For afterEach: ends what a failed test left running. */
export function endPtys(): void {
  for (const pty of running) pty.kill('SIGKILL')
}

export class Pty {
  readonly screen: TerminalScreen
  /** Everything that was written to the terminal. */
  output = ''
  /** The exit code, 128 and the signal's number for a signal. */
  readonly exit: Promise<number | null>
  private readonly script: ChildProcess
  private readonly folder = mkdtempSync(join(tmpdir(), 'streambus-pty-'))
  private readonly timeoutMs: number
  private isEnded = false
  private onChange: () => void = () => {}

  /** Runs `argv` on a terminal of 80 columns and 24 rows, if not told otherwise. */
  constructor(argv: readonly string[], { columns = 80, rows = 24, env = {}, timeoutMs = 15_000 }: PtyOptions = {}) {
    this.screen = new TerminalScreen(columns, rows)
    this.timeoutMs = timeoutMs
    // The process that is started last keeps the shell's id.
    const command = `tty > tty; echo $$ > pid; stty rows ${rows} cols ${columns}; exec ${argv.map(quoted).join(' ')}`
    const { STREAMBUS_SERVER: _server, NO_COLOR: _colour, FORCE_COLOR: _force, ...inherited } = process.env
    this.script = spawn('script', ['-qfec', command, '/dev/null'], {
      cwd: this.folder,
      env: { ...inherited, SHELL: '/bin/sh', TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    running.add(this)
    this.script.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      this.output += chunk
      this.screen.write(chunk)
      this.onChange()
    })
    this.script.stdin!.on('error', () => {})
    this.exit = new Promise((resolve) => {
      this.script.on('close', (exitCode) => {
        this.isEnded = true
        running.delete(this)
        rmSync(this.folder, { recursive: true, force: true })
        this.onChange()
        resolve(exitCode)
      })
    })
  }

  type(text: string): void {
    this.script.stdin!.write(text)
  }

  resize(columns: number, rows: number): void {
    this.screen.resize(columns, rows)
    execFileSync('stty', ['-F', this.noted('tty'), 'rows', String(rows), 'cols', String(columns)])
  }

  /** Of the program on the terminal. */
  get pid(): number {
    return Number(this.noted('pid'))
  }

  /** stty's words for the terminal, such as `echo` and `-icanon`. */
  get settings(): string[] {
    return execFileSync('stty', ['-F', this.noted('tty'), '-a'], { encoding: 'utf8' }).split(/[\s;]+/)
  }

  private noted(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8').trim()
  }

  kill(signal: NodeJS.Signals): void {
    try {
      process.kill(this.pid, signal)
    } catch {
      this.script.kill('SIGKILL')
    }
  }

  /** Resolves when the screen holds it. Rejects with the screen when it takes too long or the program ends. */
  async until(what: string | RegExp | ((screen: TerminalScreen) => boolean)): Promise<void> {
    const holds = (): boolean => {
      if (typeof what === 'function') return what(this.screen)
      return typeof what === 'string' ? this.screen.text.includes(what) : what.test(this.screen.text)
    }
    const endMs = performance.now() + this.timeoutMs
    while (!holds()) {
      const leftMs = endMs - performance.now()
      if (leftMs <= 0 || this.isEnded) {
        throw new Error(
          `${this.isEnded ? 'the program ended' : 'timeout'} before ${what}; screen:\n${this.screen.text}`,
        )
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.onChange = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

/** The command line on a terminal. */
export function cliOnPty(args: readonly string[], options?: PtyOptions): Pty {
  return new Pty([process.execPath, fileURLToPath(new URL('./run-cli.js', import.meta.url)), ...args], options)
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
