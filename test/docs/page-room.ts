/**
 * The place where the commands of one page are run: a folder that looks like a clone, a broker on a port of its own,
 * the commands of this build in the path. What one block exports or leaves running, the next finds.
 * Runs on: the test process; brokers, shells and programs as processes of their own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../chaos/broker-process.js'
import { root } from '../tidy/source-tree.js'

export interface Outcome {
  /** Null: a signal ended it. */
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What a clone has that pages speak of. */
const clonedFiles = ['bin', 'build', 'config', 'deploy', 'dist', 'examples', 'package.json', 'tools']
const usualAddress = /(127\.0\.0\.1|localhost):9400\b/g
const startLimitMs = 20_000
const commandLimitMs = 60_000
const savedEnvironment = '.environment'

/** Stands for npm: long scripts are looked up and not run, each has a test or a step of CI that does. */
const npmScript = `const [verb, ...rest] = process.argv.slice(2)
const { scripts } = JSON.parse(require('node:fs').readFileSync('package.json', 'utf8'))
const name = rest.find((word) => !word.startsWith('-'))
if (!['start', 'test', 'ci', 'install'].includes(verb) && !(verb === 'run' && name in scripts)) {
  console.error('npm: there is no', verb, name)
  process.exit(1)
}
`

export class PageRoom {
  readonly folder: string
  private readonly environment: NodeJS.ProcessEnv
  private readonly address: string
  private broker: ChildProcess | undefined
  private readonly groups: number[] = []

  private constructor(folder: string, port: number) {
    this.folder = folder
    this.address = `127.0.0.1:${port}`
    this.environment = {
      ...withoutOurs(process.env),
      PATH: `${join(folder, '.path')}:${process.env['PATH']}`,
      HOME: folder,
      XDG_CONFIG_HOME: join(folder, '.config'),
      STREAMBUS_SERVER: this.address,
      STREAMBUS_PORT: String(port),
      STREAMBUS_DATA_FOLDER: './data',
      STREAMBUS_PIN_SHARDS: 'false',
      STREAMBUS_DISK_RESERVE_BYTES: '1',
      NO_COLOR: '1',
    }
  }

  static async open(): Promise<PageRoom> {
    const folder = mkdtempSync(join(tmpdir(), 'streambus-page-'))
    for (const name of clonedFiles) symlinkSync(join(root, name), join(folder, name))
    fillModules(join(folder, 'node_modules'))
    const room = new PageRoom(folder, await freePort())
    room.fillPath()
    return room
  }

  /** `npx` and `npm` as in a clone: our commands are run; long npm scripts are only looked up. */
  private fillPath(): void {
    const path = join(this.folder, '.path')
    mkdirSync(path)
    const node = `exec "${process.execPath}"`
    const cli = (name: string) => `${node} "${join(path, `${name}.js`)}" "$@"`
    for (const name of ['streambus', 'streambus-cli']) {
      symlinkSync(join(root, 'bin/streambus.js'), join(path, `${name}.js`))
      this.addCommand(name, `#!/bin/sh\n${cli(name)}\n`)
    }
    this.addCommand('npx', '#!/bin/sh\ncase "$1" in streambus|streambus-cli) exec "$@";; esac\n' + refuse('npx'))
    writeFileSync(join(path, 'npm.cjs'), npmScript)
    this.addCommand('npm', `#!/bin/sh\n${node} "${join(path, 'npm.cjs')}" "$@"\n`)
  }

  private addCommand(name: string, text: string): void {
    const file = join(this.folder, '.path', name)
    writeFileSync(file, text)
    chmodSync(file, 0o755)
  }

  /** A broker with its data in ./data, unless there is one. */
  async startBroker(): Promise<void> {
    if (this.broker !== undefined) return
    const child = spawn('streambus', ['broker'], { cwd: this.folder, env: this.environment, stdio: 'pipe' })
    this.broker = child
    let said = ''
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the broker is not ready: ${said}`)), startLimitMs)
      const look = (bytes: Buffer): void => {
        said += String(bytes)
        if (said.includes('Ctrl-C stops the broker.')) resolve()
      }
      child.stdout.on('data', look)
      child.stderr.on('data', look)
      child.once('exit', () => reject(new Error(`the broker ended: ${said}`)))
      child.once('exit', () => clearTimeout(timer))
      child.stdout.once('data', () => clearTimeout(timer))
    })
  }

  /** Runs a script in bash, ended at its first failing command. `until`: Ctrl-C when its output holds that text. */
  async run(script: string, until?: string): Promise<Outcome> {
    const file = join(this.folder, '.script.sh')
    writeFileSync(file, `trap 'export -p > ${savedEnvironment}' EXIT\n${this.atOurAddress(script)}`)
    const load = `[ ! -e ${savedEnvironment} ] || . ./${savedEnvironment}`
    return this.spawn('bash', ['-e', '-o', 'pipefail', '-c', `${load}; . ./.script.sh`], until)
  }

  /** Runs a program of a page, which imports `streambus` as any program beside node_modules does. */
  async runProgram(text: string, extension: 'mjs' | 'ts'): Promise<Outcome> {
    const file = join(this.folder, `program.${extension}`)
    writeFileSync(file, this.atOurAddress(text))
    return this.spawn(process.execPath, [file])
  }

  /** Pages speak of the usual port; the page's broker has one that was free. */
  private atOurAddress(text: string): string {
    return text.replace(usualAddress, this.address)
  }

  private spawn(command: string, args: readonly string[], until?: string): Promise<Outcome> {
    // A group of its own, so that what it leaves in the background can be ended.
    const child = spawn(command, args, { cwd: this.folder, env: this.environment, detached: true, stdio: 'pipe' })
    this.groups.push(child.pid!)
    child.stdin.end()
    let stdout = ''
    let stderr = ''
    let isInterrupted = false
    const look = (): void => {
      if (until === undefined || isInterrupted || !`${stdout}${stderr}`.includes(until)) return
      isInterrupted = true
      process.kill(-child.pid!, 'SIGINT')
    }
    child.stdout.on('data', (bytes: Buffer) => ((stdout += String(bytes)), look()))
    child.stderr.on('data', (bytes: Buffer) => ((stderr += String(bytes)), look()))
    return new Promise((resolve) => {
      const timer = setTimeout(() => endGroup(child.pid!), commandLimitMs)
      // Not 'close': what runs on in the background holds the pipes.
      child.once('exit', (exitCode) => {
        clearTimeout(timer)
        setImmediate(() => resolve({ exitCode, stdout, stderr }))
      })
    })
  }

  readFile(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8')
  }

  async close(): Promise<void> {
    for (const group of this.groups) endGroup(group)
    const { broker } = this
    if (broker !== undefined && broker.exitCode === null) {
      const gone = new Promise((resolve) => broker.once('exit', resolve))
      broker.kill('SIGKILL')
      await gone
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** What programs of pages import: our packages as they are built here, and what is installed beside them. */
function fillModules(folder: string): void {
  mkdirSync(folder)
  const installed = join(root, 'node_modules')
  for (const name of readdirSync(installed)) symlinkSync(join(installed, name), join(folder, name))
  symlinkSync(root, join(folder, 'streambus'))
  const client = join(folder, 'streambus-client')
  mkdirSync(client)
  writeFileSync(join(client, 'package.json'), '{"type":"module","exports":"./index.js"}')
  symlinkSync(join(root, 'dist/client/index.js'), join(client, 'index.js'))
}

function refuse(name: string): string {
  return `echo "${name}: $1 is not run in this test" >&2; exit 1\n`
}

function withoutOurs(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('STREAMBUS_')))
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
