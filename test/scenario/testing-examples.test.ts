/**
 * The examples of tests with a broker of their own, run as their page says, with mocha and with vitest.
 * Runs on: the test process; each example as a process of its own.
 */
import { expect } from 'chai'
import { spawn } from 'node:child_process'

interface Outcome {
  readonly exitCode: number | null
  readonly output: string
}

function run(command: string): Promise<Outcome> {
  const child = spawn('bash', ['-c', command], { env: { ...process.env, NO_COLOR: '1', CI: '1' } })
  let output = ''
  child.stdout.on('data', (bytes: Buffer) => (output += String(bytes)))
  child.stderr.on('data', (bytes: Buffer) => (output += String(bytes)))
  child.stdin.end()
  return new Promise((resolve) => child.on('close', (exitCode) => resolve({ exitCode, output })))
}

describe('examples/testing', function () {
  this.timeout(60_000)

  it('passes with mocha, and its process ends', async () => {
    const { exitCode, output } = await run('npx mocha --no-config examples/testing/orders.mocha.mjs')
    expect(output).to.include('2 passing')
    expect(exitCode).to.equal(0)
  })

  it('passes with vitest, and its process ends', async () => {
    const { exitCode, output } = await run('npx vitest run --config examples/testing/vitest.config.mjs')
    expect(output).to.match(/Tests\s+2 passed/)
    expect(exitCode).to.equal(0)
  })
})
