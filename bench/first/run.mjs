/**
 * First measurements: the broker with its real client beside this machine's limits, all in one run, interleaved.
 * Usage: npm run bench:first -- [--rounds 3] [--seconds 4] [--front-end auto|uws|ws] [--folder DIR] [--json FILE]
 * Starts and ends a broker of its own on a free port. Prints a table of medians with lowest and highest.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measureDisk } from './raw-disk.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    'front-end': { type: 'string', default: 'auto' },
    folder: { type: 'string' },
    json: { type: 'string' },
  },
})
const rounds = Number(given.rounds)
const seconds = Number(given.seconds)

/** Each row: what is asked of `streambus-cli bench`, and the figures to keep of its answer. */
const throughput = { 'records/s': (a) => a.recordsPerSecond, 'MiB/s': (a) => a.mebibytesPerSecond, ...cpu() }
const latency = {
  'p50 ms': (a) => latencyOf(a).p50Ms,
  'p99 ms': (a) => latencyOf(a).p99Ms,
  'p99.9 ms': (a) => latencyOf(a).p999Ms,
  ...cpu(),
}

function latencyOf({ latency: { produce, endToEnd } }) {
  return endToEnd ?? produce
}

function cpu() {
  return { 'client CPU %': (a) => a.cpu.clientPercent, 'broker CPU %': (a) => a.cpu.brokerPercent }
}

const flat = ['produce', '--seconds', String(seconds)]
const rows = {
  'produce flat out, 1 partition, 256 KiB batches': [[...flat, '--partitions', '1'], throughput],
  'produce flat out, 1 partition, 16 KiB batches': [
    [...flat, '--partitions', '1', '--topic', 'small', '--batch-bytes', '16384'],
    throughput,
  ],
  'produce flat out, 64 partitions, 64 KiB batches': [
    [...flat, '--partitions', '64', '--batch-bytes', '65536'],
    throughput,
  ],
  'consume, batches': [['consume', '--partitions', '1', '--seconds', String(seconds)], throughput],
  'consume, every record decoded': [
    ['consume', '--partitions', '1', '--seconds', String(seconds), '--decode'],
    throughput,
  ],
  'produce 10,000/s, 64 partitions, linger 1 ms': [
    [...flat, '--partitions', '64', '--rate', '10000', '--topic', 'rate-64'],
    latency,
  ],
  'produce 10,000/s, 1 partition, linger 0': [
    [...flat, '--partitions', '1', '--rate', '10000', '--linger', '0', '--topic', 'rate-1'],
    latency,
  ],
  'end to end 1,000/s, 1 partition, linger 0': [
    ['e2e', '--seconds', String(seconds), '--rate', '1000', '--linger', '0', '--topic', 'e2e'],
    latency,
  ],
}

function runCli(args, server) {
  return new Promise((resolveRun, reject) => {
    const child = spawn(process.execPath, [
      join(root, 'bin/streambus.js'),
      'bench',
      ...args,
      '--json',
      '--server',
      server,
    ])
    let out = ''
    let errors = ''
    child.stdout.on('data', (text) => (out += text))
    child.stderr.on('data', (text) => (errors += text))
    child.on('exit', (code) =>
      code === 0 ? resolveRun(JSON.parse(out)) : reject(new Error(`bench ${args[0]}: ${errors}`)),
    )
  })
}

/** A broker in a process of its own; resolves when it is ready. */
async function startBroker(folder) {
  const started = performance.now()
  const environment = {
    ...process.env,
    STREAMBUS_DATA_FOLDER: join(folder, 'data'),
    STREAMBUS_PORT: '0',
    STREAMBUS_FRONT_END: given['front-end'],
    STREAMBUS_LOG_LEVEL: 'error',
  }
  const child = spawn(process.execPath, [join(root, 'bin/streambus.js'), 'broker'], { env: environment })
  const screen = await new Promise((resolveStart, reject) => {
    let text = ''
    child.stderr.on('data', (part) => (text += part))
    child.stdout.on('data', (part) => {
      text += part
      if (text.includes('Ctrl-C')) resolveStart(text)
    })
    child.on('exit', () => reject(new Error(`the broker ended: ${text}`)))
  })
  const server = /ws:\/\/([^\s]+)/.exec(screen)[1]
  return { child, server, readyMs: performance.now() - started, frontEnd: /front end\s+(\w+)/.exec(screen)[1] }
}

function residentMiB(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024
}

function stop(child) {
  return new Promise((resolveStop) => {
    child.removeAllListeners('exit')
    child.once('exit', resolveStop)
    child.kill('SIGTERM')
  })
}

function keep(results, row, figure, value) {
  results[row] ??= {}
  results[row][figure] ??= []
  results[row][figure].push(value)
}

async function round(results, folder) {
  const broker = await startBroker(folder)
  try {
    keep(results, 'start with no data, process to ready', 'ms', broker.readyMs)
    await new Promise((done) => setTimeout(done, 3000))
    keep(results, 'resident memory, freshly idle', 'MiB', residentMiB(broker.child.pid))
    for (const [name, [args, figures]] of Object.entries(rows)) {
      const answer = await runCli(args, broker.server)
      for (const [figure, of] of Object.entries(figures)) keep(results, name, figure, of(answer))
    }
    keep(results, 'resident memory after that load', 'MiB', residentMiB(broker.child.pid))
  } finally {
    await stop(broker.child)
  }
  const disk = measureDisk(folder, seconds)
  for (const [name, figures] of Object.entries(disk)) {
    for (const [figure, value] of Object.entries(figures)) keep(results, `limit: ${name}`, figure, value)
  }
  rmSync(join(folder, 'data'), { recursive: true, force: true })
  return broker.frontEnd
}

function show(value) {
  if (value >= 10_000) return Math.round(value).toLocaleString('en')
  return value >= 100 ? value.toFixed(0) : value.toFixed(2)
}

function print(results) {
  console.log('| what | figure | median | lowest to highest |\n|---|---|---|---|')
  for (const [name, figures] of Object.entries(results)) {
    for (const [figure, values] of Object.entries(figures)) {
      const sorted = [...values].sort((one, other) => one - other)
      const median = sorted[sorted.length >> 1]
      console.log(
        `| ${name} | ${figure} | ${show(median)} | ${show(sorted[0])} to ${show(sorted[sorted.length - 1])} |`,
      )
    }
  }
}

if (given.folder !== undefined) mkdirSync(given.folder, { recursive: true })
const folder = mkdtempSync(join(given.folder === undefined ? tmpdir() : resolve(given.folder), 'streambus-bench-'))
try {
  const results = {}
  let frontEnd = ''
  for (let number = 1; number <= rounds; number++) {
    console.error(`round ${number} of ${rounds}`)
    frontEnd = await round(results, folder)
  }
  console.log(
    `${rounds} rounds of ${seconds} s, ${cpus().length} x ${cpus()[0].model}, Node.js ${process.version}, ` +
      `front end ${frontEnd}, 100-byte values, acks all, idempotent, flush: commit\n`,
  )
  print(results)
  if (given.json !== undefined) writeFileSync(given.json, `${JSON.stringify(results, null, 2)}\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
