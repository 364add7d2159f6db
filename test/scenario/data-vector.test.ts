/**
 * Every build opens the data folders that earlier formats left: test/vectors/data-vN, each as a kill -9 left it, made
 * by tools/make-data-vector.mjs.
 * Runs on: the test process with a broker in it. Touches: a temporary folder.
 */
import { expect } from 'chai'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { dataFormat } from '../../native-free-core/config/broker-meta.js'
import { startBroker } from '../../src/broker/start-broker.js'
import { type Client, connect } from '../../src/client/index.js'
import { root } from '../tidy/source-tree.js'

const vectors = readdirSync(join(root, 'test/vectors'))
  .filter((name) => /^data-v\d+$/.test(name))
  .map((name) => join(root, 'test/vectors', name))

interface ExpectedPartition {
  readonly partition: number
  readonly startOffset: number
  readonly recordCount: number
  readonly sha256: string
}

interface Expected {
  readonly deletedTopics: readonly string[]
  readonly topics: readonly { readonly name: string; readonly partitions: readonly ExpectedPartition[] }[]
}

function unpack(vector: string, dataFolder: string): void {
  for (const entry of readdirSync(vector, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.gz')) continue
    // `path` is the folder, under the name that all supported versions of Node.js know.
    const path = join(entry.parentPath ?? entry.path, entry.name)
    const to = join(dataFolder, relative(vector, path).slice(0, -'.gz'.length))
    mkdirSync(dirname(to), { recursive: true })
    writeFileSync(to, gunzipSync(readFileSync(path)))
  }
}

async function read(client: Client, topic: string, partition: number): Promise<ExpectedPartition> {
  const hash = createHash('sha256')
  let startOffset = -1
  let recordCount = 0
  for await (const batch of client.consumer({ topic, partitions: [partition], from: 'earliest', untilEnd: true })) {
    for (const { offset, key, value } of batch.records()) {
      if (startOffset < 0) startOffset = offset
      hash.update(`${offset} ${String(key)} ${String(value)}\n`)
      recordCount++
    }
  }
  return { partition, startOffset, recordCount, sha256: hash.digest('hex') }
}

describe('stored data folders', () => {
  it('are there for every format that this build writes or knows', () => {
    const numbers = vectors.map((vector) => Number(/\d+$/.exec(vector)![0])).sort((one, other) => one - other)
    expect(numbers).to.deep.equal(Array.from({ length: dataFormat }, (_, index) => index + 1))
  })
})

for (const vector of vectors)
  describe(`the stored data folder ${basename(vector)}`, function () {
    this.timeout(60_000)
    const expected = JSON.parse(readFileSync(join(vector, 'expected.json'), 'utf8')) as Expected
    let folder = ''

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'streambus-vector-'))
      unpack(vector, folder)
    })
    afterEach(() => rmSync(folder, { recursive: true, force: true }))

    for (const shards of [2, 1, 3]) {
      it(`is recovered by a broker with ${shards} shards, read whole, and written to`, async () => {
        const broker = await startBroker({ dataFolder: folder, port: 0, shards, journalMemoryBytes: 4 << 20 })
        try {
          const client = await connect({ server: `127.0.0.1:${broker.port}` })
          const names = (await client.admin().listTopics()).map(({ name }) => name)
          expect(names).to.have.members(expected.topics.map(({ name }) => name))
          for (const { name, partitions } of expected.topics) {
            for (const partition of partitions) {
              expect(await read(client, name, partition.partition), name).to.deep.equal(partition)
            }
          }
          const { startOffset, recordCount } = expected.topics[0]!.partitions[0]!
          const producer = client.producer()
          const { offset } = await producer.send({ topic: expected.topics[0]!.name, partition: 0, value: 'one more' })
          expect(offset).to.equal(startOffset + recordCount)
          await producer.close()
          await client.close()
        } finally {
          await broker.close()
        }
      })
    }
  })
