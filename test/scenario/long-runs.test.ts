/**
 * The command lines of the long runs: each tells its options, and does nothing when asked for one that it does not
 * have.
 * Runs on: the test process, and a process for each run.
 */
import { expect } from 'chai'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
/** By the name of its script, the program. */
const longRuns = Object.entries(manifest.scripts).flatMap(([name, script]) => {
  const program = / (build\/test\/\S+\.js)$/.exec(script)?.[1]
  return program === undefined ? [] : [{ name, program }]
})
/** A run that does not look at its options would begin. */
const timeoutMs = 20_000

interface Ended {
  /** null: it had to be ended. */
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function ended(program: string, option: string): Promise<Ended> {
  // With a process group of its own: what a run has started is ended with it.
  const child = spawn(process.execPath, [program, option], { cwd: root, detached: true })
  let out = ''
  let err = ''
  child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()))
  const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), timeoutMs)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code, out, err })
    })
  })
}

describe('long runs', () => {
  it('are found by their scripts', () => {
    const wanted = ['simulate', 'chaos:storage', 'chaos:kill', 'chaos:power', 'chaos:connections', 'chaos:topics']
    const others = ['soak', 'fuzz', 'fuzz:decoders', 'trace:sync']
    expect(longRuns.map(({ name }) => name)).to.include.members([...wanted, ...others])
  })

  for (const { name, program } of longRuns) {
    it(`${name} prints its options with --help, and names one that it does not have`, async function () {
      this.timeout(timeoutMs + 5000)
      const [asked, wrong] = await Promise.all([ended(program, '--help'), ended(program, '--no-such')])
      expect(asked).to.include({ code: 0, err: '' })
      expect(asked.out).to.match(new RegExp(`^npm run ${name}\\b`))
      expect(wrong).to.include({ code: 1, out: '' })
      expect(wrong.err)
        .to.match(/^there is no option --no-such\n/)
        .and.to.contain(asked.out)
    })
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`take the broker along when they are told to end: ${signal}`, async function () {
      if (process.platform !== 'linux') this.skip()
      const child = spawn(process.execPath, ['build/test/chaos/soak.js', '--minutes', '0.2'], { cwd: root })
      const gone = once(child, 'exit')
      let out = ''
      child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()))
      // A broker that finds nobody to tell that it is ready ends by itself.
      const broker = await until(() => (out.includes(' 10 %') ? childOf(child.pid!) : undefined))
      child.kill(signal)
      await gone
      for (let tries = 0; tries < 200 && existsSync(`/proc/${broker}`); tries++) await pass(20)
      const isLeft = existsSync(`/proc/${broker}`)
      if (isLeft) process.kill(Number(broker), 'SIGKILL')
      expect(isLeft, 'the broker is left').to.equal(false)
    }).timeout(timeoutMs)
  }
})

function childOf(pid: number): string | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return children === '' ? undefined : children.split(' ')[0]
}

async function until<T>(look: () => T | undefined): Promise<T> {
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    await pass(20)
  }
}
