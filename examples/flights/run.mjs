/**
 * The whole example by itself: starts a broker of its own, replays flights into it, kills it with SIGKILL in the middle
 * and starts it again, reads everything back and compares.
 *
 *   node examples/flights/run.mjs [--speed 10000] [--rounds 2] [--kills 2]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
  options: {
    speed: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '2' },
    kills: { type: 'string', default: '2' },
  },
})
const recordsPerRound = 20_000
const readyTimeoutMs = 20_000

const pathOf = (name) => fileURLToPath(new URL(name, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'streambus-flights-'))
const port = await freePort()
const server = `127.0.0.1:${port}`
let broker

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port: free } = probe.address()
  probe.close()
  return free
}

function run(script, ...args) {
  return spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'inherit', 'inherit'] })
}

async function startBroker() {
  const config = join(folder, 'broker.yaml')
  writeFileSync(config, `dataFolder: ${folder}/data\nport: ${port}\nlogLevel: warn\n`)
  const cli = pathOf('../../bin/streambus.js')
  broker = spawn(process.execPath, [cli, 'broker', '--config', config], { stdio: ['ignore', 'ignore', 'inherit'] })
  await untilReady()
}

async function untilReady() {
  const endMs = performance.now() + readyTimeoutMs
  while (performance.now() < endMs) {
    const answer = await fetch(`http://${server}/health/ready`).catch(() => undefined)
    if (answer?.ok) return
    if (broker.exitCode !== null) throw new Error(`the broker ended with exit code ${broker.exitCode}`)
    await delay(20)
  }
  throw new Error(`the broker was not ready within ${readyTimeoutMs} ms`)
}

async function stopBroker(signal) {
  if (broker === undefined || broker.exitCode !== null || broker.signalCode !== null) return
  const ended = once(broker, 'exit')
  broker.kill(signal)
  await ended
}

/** Resolves with the exit code. */
async function exitOf(child) {
  if (child.exitCode !== null) return child.exitCode
  const [exitCode] = await once(child, 'exit')
  return exitCode
}

async function main() {
  const { speed, rounds } = options
  const kills = Number(options.kills)
  await startBroker()
  const common = ['--server', server, '--rounds', rounds]
  const producing = run(pathOf('produce.mjs'), ...common, '--speed', speed)
  const exit = exitOf(producing)
  const durationMs = (Number(rounds) * recordsPerRound * 1000) / Number(speed)
  for (let kill = 1; kill <= kills; kill++) {
    await delay(durationMs / (kills + 1))
    await stopBroker('SIGKILL')
    console.log(`broker killed (${kill} of ${kills}); starting it again`)
    await startBroker()
  }
  if ((await exit) !== 0) return 1
  return exitOf(run(pathOf('verify.mjs'), ...common))
}

try {
  process.exitCode = await main()
} finally {
  await stopBroker('SIGTERM')
  rmSync(folder, { recursive: true, force: true })
}
