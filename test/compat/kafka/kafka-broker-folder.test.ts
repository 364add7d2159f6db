/**
 * Kafka's own dump-log tool reads the segments and indexes that a running broker settled: every record, no fault.
 * Runs on: the test process with a broker in it; needs Java and Maven. Touches: a temporary folder.
 */
import { expect } from 'chai'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { startBroker } from '../../../src/broker/start-broker.js'
import { connect } from '../../../src/client/index.js'
import { missingForKafka, runKafka } from './kafka-jars.js'

const dumpLog = 'org.apache.kafka.tools.DumpLogSegments'
const complaint = /isvalid: false|invalid bytes|mismatch|not found|corrupt|exception/i
const recordsPerTopic = 8000
const topics = [
  { name: 'keyed', partitions: 3, compression: 'none' },
  { name: 'packed', partitions: 1, compression: 'gzip' },
] as const

/** Produces to a broker that settles into small segments, and stops it cleanly. */
async function fillFolder(dataFolder: string): Promise<void> {
  const broker = await startBroker({ dataFolder, port: 0, shards: 2, journalMemoryBytes: 4 << 20 })
  const client = await connect({ server: `127.0.0.1:${broker.port}` })
  for (const { name, partitions, compression } of topics) {
    await client.admin().createTopic({ name, partitions, configs: { 'segment.bytes': '262144' } })
    const producer = client.producer({ compression, batchBytes: 16_384 })
    for (let index = 0; index < recordsPerTopic; index++) {
      const isTaken = producer.write({ topic: name, key: `k${index}`, value: `${index} `.padEnd(100, 'x') })
      if (!isTaken) await producer.flush()
    }
    await producer.flush()
    await producer.close()
  }
  await client.close()
  await broker.close()
}

describe("Kafka's dump-log tool over a broker's folder", function () {
  this.timeout(300_000)
  let root = ''

  before(async function () {
    const missing = missingForKafka()
    if (missing !== undefined) {
      console.log(`      left out: ${missing}`)
      return this.skip()
    }
    root = mkdtempSync(`${tmpdir()}/streambus-kafka-`)
    return fillFolder(root)
  })
  after(() => {
    if (root !== '') rmSync(root, { recursive: true, force: true })
  })

  function pathsOf(topic: string, suffix: string): string[] {
    return readdirSync(`${root}/topics`)
      .filter((folder) => folder.startsWith(`${topic}-`))
      .flatMap((folder) => readdirSync(`${root}/topics/${folder}`).map((name) => `${root}/topics/${folder}/${name}`))
      .filter((path) => path.endsWith(suffix) && statSync(path).size > 0)
  }

  for (const { name } of topics) {
    it(`reads every record of topic ${name}, and finds its indexes sound`, () => {
      const output = runKafka(dumpLog, [
        '--deep-iteration',
        '--print-data-log',
        '--files',
        pathsOf(name, '.log').join(),
      ])
      expect(output).to.not.match(complaint)
      const keys = [...output.matchAll(/^\| offset: \d+ .*? key: k(\d+) payload: (\d+) x+$/gm)]
      expect(keys.every(([, key, value]) => key === value)).to.equal(true)
      expect(new Set(keys.map(([, key]) => key)).size).to.equal(recordsPerTopic)
      expect(keys).to.have.lengthOf(recordsPerTopic)
      const indexes = [...pathsOf(name, '.index'), ...pathsOf(name, '.timeindex')]
      const sanity = runKafka(dumpLog, ['--index-sanity-check', '--files', indexes.join()])
      expect(sanity.match(/passed sanity check/g)).to.have.lengthOf(indexes.length)
      expect(runKafka(dumpLog, ['--verify-index-only', '--files', indexes.join()])).to.not.match(complaint)
    })
  }
})
