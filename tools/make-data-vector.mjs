/**
 * Makes test/vectors/data-v1: a data folder of format 1 as a kill -9 leaves it, each file packed by gzip, and what must
 * be found in it. Run it only when the format has a new version, into a new folder: every later build opens this one.
 *
 *   npm run build:test && node tools/make-data-vector.mjs
 *
 * In it: a clean restart in the middle, settled segments and sealed ones, records that only the journals have, two
 * shards, a deleted topic, an idempotent producer, gzip batches, deleted records.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { root } from './prepare.mjs'

const target = join(root, 'test/vectors/data-v1')
const { BrokerProcess, freePort } = await import(join(root, 'build/test/chaos/broker-process.js'))
const { connect } = await import(join(root, 'build/src/client/index.js'))

const folder = mkdtempSync(join(tmpdir(), 'streambus-vector-'))
const dataFolder = join(folder, 'data')
const port = await freePort()

async function withBroker(act, end) {
  const broker = new BrokerProcess({ dataFolder, port, shards: 2, journalMemoryBytes: 4 << 20 })
  await broker.ready
  const client = await connect({ server: `127.0.0.1:${port}` })
  await act(client)
  await client.close()
  await broker[end]()
}

async function produce(client, topic, count, options) {
  const producer = client.producer({ lingerMs: 1, batchBytes: 8192, ...options })
  const sent = []
  for (let index = 0; index < count; index++) {
    const value = `${topic} ${index} `.padEnd(40 + (index % 100), 'v')
    sent.push(producer.send({ topic, key: `key ${index % 50}`, value, timestampMs: 1_700_000_000_000 + index }))
    if (index % 500 === 499) await Promise.all(sent.splice(0))
  }
  await Promise.all(sent)
  await producer.close()
}

await withBroker(async (client) => {
  const admin = client.admin()
  const configs = { 'segment.bytes': '65536', 'retention.ms': '-1' }
  await admin.createTopic({ name: 'settled', partitions: 3, configs })
  await admin.createTopic({ name: 'packed', partitions: 1, configs })
  await admin.createTopic({ name: 'gone', partitions: 2, configs })
  await produce(client, 'settled', 4000, {})
  await produce(client, 'packed', 1000, { compression: 'gzip' })
  await produce(client, 'gone', 300, {})
  await admin.deleteTopic('gone')
}, 'stop')

const expected = { formatVersion: 1, deletedTopics: ['gone'], topics: [] }

await withBroker(async (client) => {
  await client.admin().createTopic({ name: 'journal-only', partitions: 2 })
  await produce(client, 'journal-only', 300, {})
  await produce(client, 'settled', 200, { idempotent: false })
  await client.admin().deleteRecords('packed', 0, 150)
  for (const [name, count] of [
    ['settled', 3],
    ['packed', 1],
    ['journal-only', 2],
  ]) {
    const partitions = []
    for (let partition = 0; partition < count; partition++) {
      partitions.push(await describe(client, name, partition))
    }
    expected.topics.push({ name, partitions })
  }
}, 'kill')

/** What a reader gets: the test compares just this. */
async function describe(client, topic, partition) {
  const hash = createHash('sha256')
  let [startOffset, recordCount] = [-1, 0]
  for await (const batch of client.consumer({ topic, partitions: [partition], from: 'earliest', untilEnd: true })) {
    for (const { offset, key, value } of batch.records()) {
      if (startOffset < 0) startOffset = offset
      hash.update(`${offset} ${key} ${value}\n`)
      recordCount++
    }
  }
  return { partition, startOffset, recordCount, sha256: hash.digest('hex') }
}

rmSync(target, { recursive: true, force: true })
for (const entry of readdirSync(dataFolder, { recursive: true, withFileTypes: true })) {
  // The lock names a process of the machine on which the vector was made.
  if (!entry.isFile() || entry.name === 'broker.lock') continue
  const path = join(entry.parentPath ?? entry.path, entry.name)
  const packed = join(target, `${relative(dataFolder, path)}.gz`)
  mkdirSync(dirname(packed), { recursive: true })
  writeFileSync(packed, gzipSync(readFileSync(path), { level: 9 }))
}
writeFileSync(join(target, 'expected.json'), `${JSON.stringify(expected, null, 2)}\n`)
rmSync(folder, { recursive: true })
console.log(`make-data-vector: ${target}`)
