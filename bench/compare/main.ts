/**
 * `npm run bench:all`: StreamBus on both front ends, Apache Kafka, NATS JetStream and this machine's limits, measured
 * side by side in one run; then tables and plots of docs/performance.md and the README.
 * Runs on: main. Touches: processes that it starts, a folder of its own in the temporary folder, bench/results, docs/.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { releaseVersion } from '../../native-free-core/version.js'
import { writePages } from '../report/pages.js'
import { objectivesTable } from '../report/tables.js'
import { Kafka, KafkaSubject } from './kafka.js'
import { machineOf, MachineSubject } from './machine.js'
import { NatsSubject } from './nats.js'
import { endAll } from './processes.js'
import { readResults, type Results, resultsVersion } from './results.js'
import { type Group, groups, type Row, rows, type SubjectId, withMaximumRows } from './rows.js'
import { Runner } from './runner.js'
import { StreamBus } from './streambus.js'
import type { Subject } from './subject.js'

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))

const help = `npm run bench:all -- [options]

  --rounds N            every row is measured once a round (7)
  --seconds S           of each row (2)
  --only TEXT           the row with this id, or those whose id or name contains it; several by commas
  --rows GROUP          one of ${groups.join(', ')}; several by commas
  --subjects NAME       those whose name begins so: streambus, kafka, nats, machine; several by commas
  --json FILE           where every run is kept (bench/results/VERSION.json)
  --resume FILE         goes on with a run that was cut off
  --render FILE         measures nothing; writes tables and plots from a file
  --warm-up S           of each row, not counted (0.8)
  --short               one round of a few rows, StreamBus and machine alone; fails when one gives no figure
  --no-pages            leaves docs/ and README.md as they are
  --crash-gigabytes N   data of the start after kill -9 (0.2; the objective says 5)
  --streambus HOST:PORT --kafka HOST:PORT --nats HOST:PORT
                        measures those that run already instead of its own
  --folder DIR          where servers keep their data (the temporary folder)
  --cache DIR           where jars and programs of the peers are kept`

const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string', default: '' },
    rows: { type: 'string', default: '' },
    subjects: { type: 'string', default: '' },
    json: { type: 'string' },
    resume: { type: 'string' },
    render: { type: 'string' },
    'warm-up': { type: 'string', default: '0.8' },
    short: { type: 'boolean', default: false },
    'no-pages': { type: 'boolean', default: false },
    'crash-gigabytes': { type: 'string', default: '0.2' },
    streambus: { type: 'string' },
    kafka: { type: 'string' },
    nats: { type: 'string' },
    folder: { type: 'string', default: tmpdir() },
    cache: { type: 'string', default: join(tmpdir(), 'streambus-peers') },
    help: { type: 'boolean', default: false },
  },
})

/** What `--short` measures. */
const shortRows = ['produce-100', 'consume-100-decoded', 'rate-10k-p1', 'one-at-a-time', 'sink-uws', 'raw-journal-10k']
if (given.short) {
  const json = join(mkdtempSync(join(tmpdir(), 'streambus-bench-short-')), 'results.json')
  const short = { rounds: '1', seconds: '0.4', 'warm-up': '0.2', subjects: 'streambus,machine', 'no-pages': true, json }
  Object.assign(given, short)
}

function positive(name: 'rounds' | 'seconds' | 'warm-up' | 'crash-gigabytes'): number {
  const value = Number(given[name])
  if (!(value > 0)) throw new Error(`--${name} is ${given[name]}; expected a number above 0`)
  return value
}

function wantedGroups(): readonly Group[] {
  const names = given.rows.split(',').filter((name) => name !== '')
  const unknown = names.find((name) => !(groups as readonly string[]).includes(name))
  if (unknown !== undefined) throw new Error(`--rows is ${unknown}; expected ${groups.join(', ')}`)
  return names.length === 0 ? groups : (names as Group[])
}

function wantedRows(): Row[] {
  const wanted = wantedGroups()
  const texts = given.only.split(',')
  const ids = new Set(rows.map((row) => row.id))
  const isNamed = ({ id, name }: Row) => {
    if (given.short) return shortRows.includes(id)
    return texts.some((text) => (ids.has(text) ? id === text : id.includes(text) || name.includes(text)))
  }
  const found = rows.filter((row) => wanted.includes(row.group) && isNamed(row))
  if (found.length === 0)
    throw new Error(`no row contains ${given.only}; rows are ${rows.map(({ id }) => id).join(', ')}`)
  return withMaximumRows(found)
}

function subjectsIn(folder: string): Partial<Record<SubjectId, Subject>> {
  const { cache, streambus, kafka: kafkaAddress, nats: natsAddress } = given
  const crashGigabytes = positive('crash-gigabytes')
  const own = { root, folder, crashGigabytes, warmSeconds: given.short ? 1 : 3 }
  const peers = { root, folder, cache: resolve(cache) }
  const kafka = new Kafka({ ...peers, address: kafkaAddress })
  const all: Record<SubjectId, Subject | undefined> = {
    'streambus-uws': new StreamBus({ ...own, frontEnd: 'uws', address: streambus }),
    'streambus-ws': streambus === undefined ? new StreamBus({ ...own, frontEnd: 'ws', address: undefined }) : undefined,
    kafka: new KafkaSubject(kafka, false),
    'kafka-synced': new KafkaSubject(kafka, true),
    nats: new NatsSubject({ ...peers, sync: 'default', address: natsAddress }),
    // How a server that runs already syncs is its own affair; Kafka's topics say it themselves.
    'nats-synced':
      natsAddress === undefined ? new NatsSubject({ ...peers, sync: 'always', address: undefined }) : undefined,
    machine: new MachineSubject({ root, folder }),
  }
  const prefixes = given.subjects.split(',')
  const isWanted = (id: string) => prefixes.some((prefix) => id.startsWith(prefix))
  return Object.fromEntries(Object.entries(all).filter(([id, subject]) => subject !== undefined && isWanted(id)))
}

function resultsFor(subjects: Partial<Record<SubjectId, Subject>>, folder: string): Results {
  if (given.resume !== undefined) return readResults(resolve(given.resume))
  const described = Object.entries(subjects).map(([id, subject]) => [id, subject.describe()] as const)
  const now = new Date().toISOString()
  return {
    version: resultsVersion,
    release: releaseVersion,
    startedAt: now,
    endedAt: now,
    rounds: Math.ceil(positive('rounds')),
    seconds: positive('seconds'),
    crashGigabytes: positive('crash-gigabytes'),
    machine: machineOf(folder),
    subjects: Object.fromEntries(described),
    samples: [],
  }
}

/** A second signal ends it where it stands. */
function abortOnSignals(stop: () => Promise<void>): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(1)
      controller.abort()
      console.error(`${signal}: ending what was started`)
      void stop()
    })
  }
  return controller.signal
}

async function measure(): Promise<{ results: Results; path: string }> {
  mkdirSync(given.folder, { recursive: true })
  const folder = mkdtempSync(join(resolve(given.folder), 'streambus-bench-all-'))
  const subjects = subjectsIn(folder)
  const stopAll = async () => {
    await Promise.allSettled(Object.values(subjects).map((subject) => subject.stop()))
    await endAll()
  }
  const signal = abortOnSignals(endAll)
  try {
    const results = resultsFor(subjects, folder)
    const path = resolve(given.resume ?? given.json ?? join(root, `bench/results/${releaseVersion}.json`))
    mkdirSync(dirname(path), { recursive: true })
    const log = (line: string) => console.error(`${new Date().toTimeString().slice(0, 8)} ${line}`)
    const warmUpSeconds = positive('warm-up')
    await new Runner({ rows: wantedRows(), subjects, results, path, signal, log, warmUpSeconds }).run()
    if (signal.aborted) {
      console.error(existsSync(path) ? `cut off; go on with --resume ${path}` : 'cut off before anything was measured')
      process.exitCode = 130
    }
    return { results, path }
  } finally {
    await stopAll()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function main(): Promise<void> {
  if (given.help) return console.log(help)
  if (given.render !== undefined) {
    const path = resolve(given.render)
    return writePages(root, readResults(path), path)
  }
  const { results, path } = await measure()
  console.log(objectivesTable(results, true))
  if (given.short && results.samples.some(({ failed }) => failed !== undefined)) process.exitCode = 1
  if (given.short) rmSync(dirname(path), { recursive: true, force: true })
  if (process.exitCode === 130 || given['no-pages']) return
  writePages(root, results, path)
}

// A machine's own list of certificates costs each Node.js that starts 40 ms, and nothing that is measured needs it.
delete process.env['NODE_EXTRA_CA_CERTS']
await main()
