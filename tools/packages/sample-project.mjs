/**
 * A user's project outside this repository: a temporary folder with a package installed from its tarball.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

const timeoutMs = 60_000

/** Runs `use` with a new temporary folder, which is removed afterwards. */
export async function withFolder(use) {
  const folder = mkdtempSync(join(tmpdir(), 'streambus-packages-'))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export class SampleProject {
  constructor(folder, name) {
    this.folder = join(folder, name)
    this.cache = join(folder, 'npm-cache')
    mkdirSync(this.folder, { recursive: true })
    writeFileSync(join(this.folder, 'package.json'), '{"private":true,"type":"module"}\n')
  }

  /** As `npm install TARBALL` does on a machine that never saw it: nothing is cached. */
  install(tarball, ...args) {
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--ignore-scripts', '--cache', this.cache]
    run('npm', ['install', ...quiet, ...args, tarball], { cwd: this.folder })
  }

  /** `path` is relative to this file. */
  addSample(path) {
    copyFileSync(new URL(path, import.meta.url), join(this.folder, basename(path)))
  }

  write(name, text) {
    writeFileSync(join(this.folder, name), text)
  }

  /** @returns {string} what the program printed; throws when it fails */
  node(args, env = {}) {
    return run(process.execPath, args, { cwd: this.folder, env: { ...process.env, ...env } })
  }
}

export function run(command, args, options = {}) {
  const settings = { encoding: 'utf8', timeout: timeoutMs, maxBuffer: 2 ** 26, ...options }
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, settings)
  if (status === 0) return stdout
  throw new Error(
    `${command} ${args.join(' ')}: ${error?.message ?? signal ?? `exit code ${status}`}\n${stdout}${stderr}`,
  )
}

/** Starts a program that runs until it is told to end; `says` is awaited in what it prints. */
export async function start(command, args, says, options = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options })
  let output = ''
  const said = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${command} did not say ${says}:\n${output}`)), timeoutMs)
    const look = (chunk) => {
      output += chunk
      if (says.test(output)) finish(() => resolve(output))
    }
    const finish = (settle) => {
      clearTimeout(timer)
      settle()
    }
    child.stdout.setEncoding('utf8').on('data', look)
    child.stderr.setEncoding('utf8').on('data', look)
    child.on('error', (error) => finish(() => reject(error)))
    child.on('exit', (code) => finish(() => reject(new Error(`${command} ended with code ${code}:\n${output}`))))
  })
  await said.catch((error) => {
    child.kill('SIGKILL')
    throw error
  })
  return {
    get text() {
      return output
    },
    says: (pattern) => waitFor(child, () => pattern.test(output), `${command} did not say ${pattern}`),
    end: (signal) => end(child, signal),
  }
}

/** Looks whenever the program prints something. */
function waitFor(child, isThere, complaint) {
  if (isThere()) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => finish(() => reject(new Error(complaint))), timeoutMs)
    const look = () => {
      if (isThere()) finish(resolve)
    }
    const finish = (settle) => {
      clearTimeout(timer)
      for (const stream of [child.stdout, child.stderr]) stream.off('data', look)
      settle()
    }
    for (const stream of [child.stdout, child.stderr]) stream.on('data', look)
  })
}

/** @returns {Promise<number | null>} the exit code, after the signal, or after the end of its input */
async function end(child, signal) {
  if (child.exitCode !== null) return child.exitCode
  const ended = once(child, 'exit')
  if (signal === undefined) child.stdin.end()
  else child.kill(signal)
  const [code] = await ended
  return code
}
