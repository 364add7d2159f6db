/**
 * Kafka's own dump-log tool reads every segment, index, snapshot and checkpoint that we write, and finds no fault.
 * Runs on: the test process; needs Java and Maven. Touches: a temporary folder.
 */
import { expect } from 'chai'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { gzipSync } from 'node:zlib'
import { RecordBatchView } from '../../../native-free-core/log/record-batch.js'
import { RecordBatchBuilder } from '../../../native-free-core/log/record-batch-builder.js'
import { createDisk } from '../../../workers/shared/disk.js'
import { SegmentedLog } from '../../../workers/shared/segmented-log/segmented-log.js'
import { smallConfig, topicId } from '../../support/log-fixture.js'
import { type Random, seedOfRun, withSeed } from '../../support/random.js'
import { missingForKafka, runKafka } from './kafka-jars.js'

const dumpLog = 'org.apache.kafka.tools.DumpLogSegments'
const config = { ...smallConfig, segmentBytes: 60_000, indexIntervalBytes: 1000, segmentIndexBytes: 1 << 20 }

/** What the tool says when it finds a fault; it ends with 0 all the same. */
const complaint = /isvalid: false|invalid bytes|mismatch|out of order|not found|corrupt|exception/i

interface Written {
  readonly offset: number
  readonly timestamp: number
  readonly key: string
  readonly value: string
}

/** Batches of random sizes, some of producers, some packed; notes every record. */
function fill(log: SegmentedLog, random: Random, records: Written[]): void {
  const builder = new RecordBatchBuilder()
  let sequence = 0
  for (let round = 0; round < 700; round++) {
    builder.reset()
    const baseOffset = log.endOffset
    for (let index = 0, count = random.between(1, 20); index < count; index++) {
      const timestamp = 1_700_000_000_000 + baseOffset * 10 + random.below(5000)
      const record = {
        offset: baseOffset + index,
        timestamp,
        key: `k${random.below(1e6)}`,
        value: random.hex(random.below(80)),
      }
      builder.append(Buffer.from(record.key), Buffer.from(record.value), record.timestamp)
      records.push(record)
    }
    const producer = random.chance(0.5) ? {} : { producerId: 77, producerEpoch: 1, baseSequence: sequence }
    if ('producerId' in producer) sequence += builder.recordCount
    const compress = (_codec: number, bytes: Uint8Array, start: number, end: number): Uint8Array =>
      gzipSync(bytes.subarray(start, end))
    const bytes = builder.finish({ ...producer, codec: random.chance(0.2) ? 1 : 0, compress }).slice()
    const batch = new RecordBatchView(bytes)
    batch.baseOffset = baseOffset
    batch.partitionLeaderEpoch = Math.floor(baseOffset / 2000)
    log.append([bytes])
  }
}

describe("Kafka's dump-log tool", function () {
  this.timeout(300_000)
  let root = ''
  let folder = ''
  let names: string[] = []
  const records: Written[] = []
  const disk = createDisk()

  before(function () {
    const missing = missingForKafka()
    if (missing !== undefined) {
      console.log(`      left out: ${missing}`)
      return this.skip()
    }
    root = mkdtempSync(`${tmpdir()}/streambus-kafka-`)
    // Kafka reads topic and partition from the folder's name.
    folder = `${root}/flights-3`
    withSeed(seedOfRun(), 'npm run test:compat', (random) => {
      const log = SegmentedLog.create(disk, folder, topicId, config)
      fill(log, random, records)
      log.roll()
      log.snapshotProducers()
      log.syncAll()
      log.close()
    })
    names = disk.list(folder)
  })
  after(() => {
    if (root !== '') rmSync(root, { recursive: true, force: true })
  })

  const pathsOf = (suffix: string): string =>
    names
      .filter((name) => name.endsWith(suffix) && disk.sizeOf(`${folder}/${name}`) > 0)
      .map((name) => `${folder}/${name}`)
      .join(',')

  it('reads every record of every segment as it was written', () => {
    const output = runKafka(dumpLog, ['--deep-iteration', '--print-data-log', '--files', pathsOf('.log')])
    expect(output).to.not.match(complaint)
    // The tool expects each file to follow offset -1, so it reports where all but the first start; nothing else.
    const starts = pathsOf('.log')
      .split(',')
      .map((path) => Number(path.slice(-24, -4)))
    const gaps = [...output.matchAll(/(\S+) is followed by (\d+)/g)].map(([, before, after]) => [before, Number(after)])
    expect(gaps).to.have.deep.members(starts.filter((offset) => offset > 0).map((offset) => ['-1', offset]))
    const pattern = /^\| offset: (\d+) CreateTime: (\d+) .*? key: (\S*) payload: ?(\S*)$/gm
    const found = [...output.matchAll(pattern)].map(([, offset, timestamp, key, value]) => ({
      offset: Number(offset),
      timestamp: Number(timestamp),
      key,
      value,
    }))
    expect(found).to.have.lengthOf(records.length)
    expect(found).to.deep.equal(records)
    expect(output.match(/^Dumping /gm)!.length).to.be.greaterThan(4)
  })

  it('finds its indexes sound, entry by entry', () => {
    const indexes = `${pathsOf('.index')},${pathsOf('.timeindex')}`
    const sanity = runKafka(dumpLog, ['--index-sanity-check', '--files', indexes])
    expect(sanity.match(/passed sanity check/g)).to.have.lengthOf(indexes.split(',').length)
    const verified = runKafka(dumpLog, ['--verify-index-only', '--files', indexes])
    expect(verified).to.not.match(complaint)
    const dumped = runKafka(dumpLog, ['--files', indexes])
    expect(dumped).to.match(/offset: \d+ position: \d+/)
    expect(dumped).to.match(/timestamp: \d+ offset: \d+/)
  })

  it('would find a fault: it does in indexes and segments spoiled on purpose', () => {
    const spoiled = `${root}/spoiled-0`
    disk.makeFolder(spoiled)
    // A byte of the first record, an offset, a time.
    for (const [kind, position] of [
      ['log', 68],
      ['index', 3],
      ['timeindex', 7],
    ] as const) {
      const bytes = readFileSync(`${folder}/00000000000000000000.${kind}`)
      bytes[position]! ^= 1
      writeFileSync(`${spoiled}/00000000000000000000.${kind}`, bytes)
    }
    const dump = (option: string, name: string): string => {
      try {
        return runKafka(dumpLog, [option, '--files', `${spoiled}/${name}`])
      } catch (error) {
        return (error as Error).message
      }
    }
    expect(dump('--deep-iteration', '00000000000000000000.log')).to.match(/isvalid: false/)
    writeFileSync(`${spoiled}/00000000000000000000.log`, readFileSync(`${folder}/00000000000000000000.log`))
    expect(dump('--verify-index-only', '00000000000000000000.index')).to.match(complaint)
    expect(dump('--verify-index-only', '00000000000000000000.timeindex')).to.match(complaint)
  })

  it('reads the producer snapshots', () => {
    const output = runKafka(dumpLog, ['--files', pathsOf('.snapshot')])
    expect(output).to.not.match(complaint)
    expect(output).to.match(/producerId: 77 producerEpoch: 1/)
  })
})
