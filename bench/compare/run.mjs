/**
 * StreamBus beside Apache Kafka and NATS JetStream: all servers up at once on this machine, each row measured in turn,
 * round after round; medians with lowest and highest. Needs Java with Maven, and Go; fetches the peers once.
 * Usage: npm run bench:peers -- [--rounds 5] [--seconds 5] [--folder DIR] [--cache DIR] [--json FILE] [--only TEXT]
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { fetchKafka, Kafka } from './kafka.mjs'
import { fetchNats, Nats } from './nats.mjs'
import { freePort, runTool, ServerProcess } from './processes.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    folder: { type: 'string' },
    cache: { type: 'string', default: join(tmpdir(), 'streambus-peers') },
    json: { type: 'string' },
    only: { type: 'string', default: '' },
  },
})
const seconds = Number(given.seconds)
/** Kafka's tools are warmed as well, by records or seconds that are not counted. */
const warmUpSeconds = 5

class StreamBus {
  static async start(folder) {
    const port = await freePort()
    const env = { ...process.env, STREAMBUS_DATA_FOLDER: join(folder, 'data'), STREAMBUS_PORT: String(port) }
    const args = [join(root, 'bin/streambus.js'), 'broker']
    const server = await ServerProcess.start(process.execPath, args, port, { cwd: folder, env })
    return new StreamBus(server, `127.0.0.1:${port}`)
  }

  constructor(server, address) {
    this.server = server
    this.address = address
  }

  async bench(...args) {
    const command = [join(root, 'bin/streambus.js'), 'bench', ...args.map(String), '--json', '--server', this.address]
    return JSON.parse(await runTool(process.execPath, command))
  }

  async produce(topic, recordBytes, ...more) {
    const args = ['--topic', topic, '--record-bytes', recordBytes, '--seconds', seconds, '--warm-up', warmUpSeconds]
    const report = await this.bench('produce', ...args, ...more)
    return { recordsPerSecond: report.recordsPerSecond, cpuSecondsPerMillion: report.cpu.brokerSecondsPerMillion }
  }

  async consume(topic, ...more) {
    const { recordsPerSecond } = await this.bench('consume', '--topic', topic, '--seconds', seconds, ...more)
    return { recordsPerSecond }
  }

  async fixedRate(topic, rate) {
    const args = ['--topic', topic, '--rate', rate, '--linger', 0, '--seconds', seconds, '--warm-up', warmUpSeconds]
    const { p50Ms, p99Ms, p999Ms } = (await this.bench('produce', ...args)).latency.produce
    return { p50Ms, p99Ms, p999Ms }
  }
}

/** Counts that keep each tool busy for about as long as ours. */
const kafkaCount = (perSecond) => Math.round((perSecond * seconds) / 0.6)

/** Group, who, and what is measured. `name`: a topic that no other run uses. */
const rows = [
  ['produce 100 B flat out', 'StreamBus, synced', ({ streambus }, name) => streambus.produce(name, 100)],
  ['produce 100 B flat out', 'Kafka, not synced', ({ kafka }, name) => kafka.produce(name, 100, kafkaCount(1.2e6))],
  [
    'produce 100 B flat out',
    'Kafka, synced',
    ({ kafka }, name) => kafka.produce(`synced-${name}`, 100, kafkaCount(8e5)),
  ],
  ['produce 100 B flat out', 'NATS, not synced', ({ nats }) => nats.produce('fast', 100, 200_000 * seconds)],
  ['produce 100 B flat out', 'NATS, synced', ({ natsSynced }) => natsSynced.produce('atomic', 100, 40_000 * seconds)],
  ['produce 1 KB flat out', 'StreamBus, synced', ({ streambus }, name) => streambus.produce(name, 1024)],
  ['produce 1 KB flat out', 'Kafka, not synced', ({ kafka }, name) => kafka.produce(name, 1024, kafkaCount(350_000))],
  [
    'produce 1 KB flat out',
    'Kafka, synced',
    ({ kafka }, name) => kafka.produce(`synced-${name}`, 1024, kafkaCount(190_000)),
  ],
  ['consume 100 B, each record read', 'StreamBus', consumeStreamBus],
  ['consume 100 B, each record read', 'Kafka', consumeKafka],
  ['10,000 records/s of 100 B', 'StreamBus, synced', ({ streambus }, name) => streambus.fixedRate(name, 10_000)],
  ['10,000 records/s of 100 B', 'Kafka, not synced', ({ kafka }, name) => kafka.fixedRate(name, 10_000, 100, seconds)],
  [
    '10,000 records/s of 100 B',
    'Kafka, synced',
    ({ kafka }, name) => kafka.fixedRate(`synced-${name}`, 10_000, 100, seconds),
  ],
]

async function consumeStreamBus({ streambus }, name) {
  await streambus.produce(name, 100)
  return streambus.consume(name, '--decode')
}

async function consumeKafka({ kafka }, name) {
  const count = kafkaCount(1e6)
  await kafka.produce(name, 100, count)
  return kafka.consume(name, count)
}

function keep(results, row, figures) {
  results[row] ??= {}
  for (const [figure, value] of Object.entries(figures)) (results[row][figure] ??= []).push(value)
}

/** Freshly started, nothing produced: how long until it answers, and how much memory after three seconds. */
async function startAll(caches, folder, results) {
  const servers = {
    streambus: await StreamBus.start(folder),
    kafka: await Kafka.start(caches.jars, folder),
    nats: await Nats.start(caches.programs, folder, 'default'),
    natsSynced: await Nats.start(caches.programs, folder, 'always'),
  }
  await new Promise((done) => setTimeout(done, 3000))
  for (const [name, of] of [
    ['StreamBus', 'streambus'],
    ['Kafka', 'kafka'],
    ['NATS', 'nats'],
  ]) {
    const { server } = servers[of]
    keep(results, `start | ${name}`, { readyMs: server.readyMs, idleMiB: server.residentMiB() })
  }
  return servers
}

function show(value) {
  if (value >= 10_000) return Math.round(value).toLocaleString('en')
  return value >= 100 ? value.toFixed(0) : value.toFixed(2)
}

export function tableOf(results) {
  const lines = ['| what | who | figure | median | lowest to highest |', '|---|---|---|---|---|']
  for (const [row, figures] of Object.entries(results)) {
    for (const [figure, values] of Object.entries(figures)) {
      const sorted = [...values].sort((one, other) => one - other)
      const range = `${show(sorted[0])} to ${show(sorted.at(-1))}`
      lines.push(`| ${row} | ${figure} | ${show(sorted[sorted.length >> 1])} | ${range} |`)
    }
  }
  return lines.join('\n')
}

async function round(number, caches, folder, results) {
  const servers = await startAll(caches, folder, results)
  try {
    for (const [index, [group, who, measure]] of rows.entries()) {
      if (!`${group} ${who}`.includes(given.only)) continue
      console.error(`round ${number}: ${group}: ${who}`)
      keep(results, `${group} | ${who}`, await measure(servers, `t${number}-${index}`))
    }
    keep(results, 'memory after the load | StreamBus', { MiB: servers.streambus.server.residentMiB() })
    keep(results, 'memory after the load | Kafka', { MiB: servers.kafka.server.residentMiB() })
    keep(results, 'memory after the load | NATS', { MiB: servers.nats.server.residentMiB() })
  } finally {
    for (const { server } of Object.values(servers)) await server.stop()
  }
}

async function main() {
  const cache = resolve(given.cache)
  const caches = { jars: await fetchKafka(join(cache, 'kafka')), programs: await fetchNats(join(cache, 'nats')) }
  const base = given.folder === undefined ? tmpdir() : resolve(given.folder)
  mkdirSync(base, { recursive: true })
  const results = {}
  for (let number = 1; number <= Number(given.rounds); number++) {
    const folder = mkdtempSync(join(base, 'streambus-peers-run-'))
    try {
      await round(number, caches, folder, results)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  const machine = `${cpus().length} x ${cpus()[0].model}, Node.js ${process.version}`
  console.log(`${given.rounds} rounds, ${seconds} s each, ${machine}, Kafka 4.3.1, NATS 2.15.2\n\n${tableOf(results)}`)
  if (given.json !== undefined) writeFileSync(given.json, `${JSON.stringify({ machine, results }, undefined, 2)}\n`)
}

await main()
