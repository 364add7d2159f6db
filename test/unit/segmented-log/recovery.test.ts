/**
 * Opening a log after anything: torn tails at every byte, lost indexes, power cuts in random histories, damage.
 * Runs on: the test process, on a disk in memory.
 */
import { expect } from 'chai'
import { ProducerState } from '../../../native-free-core/log/producer-state.js'
import { forEachBatch } from '../../../native-free-core/log/record-batch.js'
import { segmentFileName } from '../../../native-free-core/log/index-format.js'
import type { Disk } from '../../../workers/shared/disk.js'
import { type RecoveryPoint, SegmentedLog } from '../../../workers/shared/segmented-log/segmented-log.js'
import {
  appendSingles,
  contents,
  fileBytes,
  logFolder,
  makeBatch,
  memoryDisk,
  newLog,
  readAll,
  smallConfig,
} from '../../support/log-fixture.js'
import { expectSameProducers, randomBatch, runLogHistory } from '../../simulation/log-history.js'
import type { MemoryDisk } from '../../support/memory-disk.js'
import { Random, seedOfRun, withSeed } from '../../support/random.js'

const replay = 'npm test -- test/unit/segmented-log/recovery'
const open = (disk: Disk, point?: RecoveryPoint): SegmentedLog => SegmentedLog.open(disk, logFolder, smallConfig, point)

function writeFile(disk: Disk, name: string, bytes: Uint8Array): void {
  const file = disk.open(`${logFolder}/${name}`, 'create')
  disk.truncate(file, 0)
  disk.write(file, bytes, 0)
  disk.close(file)
}

function truncateFile(disk: Disk, name: string, sizeBytes: number): void {
  const file = disk.open(`${logFolder}/${name}`, 'read-write')
  disk.truncate(file, sizeBytes)
  disk.close(file)
}

/** Ends of the batches of a byte string. */
function endsOf(bytes: Uint8Array): number[] {
  const ends: number[] = []
  forEachBatch(bytes, 0, bytes.length, (batch) => ends.push(batch.position + batch.sizeBytes))
  return ends
}

describe('opening a segmented log', () => {
  it('cuts a torn tail at the last whole batch, wherever it tears', () => {
    const disk = memoryDisk()
    const log = newLog(disk)
    const batches = appendSingles(log, 45)
    const all = Buffer.concat(batches)
    log.close()
    const [first, last] = Object.keys(contents(disk, /\.log$/))
    expect(Object.keys(contents(disk, /\.log$/))).to.have.lengthOf(2)
    const firstBytes = fileBytes(disk, `${logFolder}/${first}`)
    const lastBytes = fileBytes(disk, `${logFolder}/${last}`)
    const ends = [0, ...endsOf(lastBytes)]
    for (let cut = 0; cut <= lastBytes.length; cut++) {
      writeFile(disk, last!, lastBytes.subarray(0, cut))
      const again = open(disk)
      const sound = ends.filter((end) => end <= cut).at(-1)!
      expect(again.sizeBytes, `cut at ${cut}`).to.equal(firstBytes.length + sound)
      expect(again.recovery.tornBytes).to.equal(cut - sound)
      expect(disk.sizeOf(`${logFolder}/${last}`)).to.equal(sound)
      if (cut % 50 === 0) expect(Buffer.from(readAll(again))).to.deep.equal(all.subarray(0, firstBytes.length + sound))
      again.append([makeBatch({ baseOffset: again.endOffset })])
      again.close()
    }
  })

  it('cuts a tail of zeros, of garbage, and one with a flipped bit', () => {
    const random = new Random(3)
    const disk = memoryDisk()
    const log = newLog(disk)
    appendSingles(log, 10)
    log.close()
    const name = segmentFileName(0, 'log')
    const bytes = fileBytes(disk, `${logFolder}/${name}`)
    for (const tail of [new Uint8Array(5000), random.bytes(3000)]) {
      writeFile(disk, name, Buffer.concat([bytes, tail]))
      const again = open(disk)
      expect([again.endOffset, again.sizeBytes, again.recovery.tornBytes]).to.deep.equal([
        10,
        bytes.length,
        tail.length,
      ])
      again.close()
    }
    const flipped = bytes.slice()
    flipped[bytes.length - 3]! ^= 4
    writeFile(disk, name, flipped)
    const again = open(disk)
    expect([again.endOffset, again.recovery.reason]).to.deep.equal([9, 'fails its CRC-32C'])
  })

  it('drops the segments behind a tear, and those that leave a gap', () => {
    const disk = memoryDisk()
    const log = newLog(disk)
    appendSingles(log, 120)
    log.close()
    const names = Object.keys(contents(disk, /\.log$/))
    expect(names.length).to.be.greaterThan(3)
    truncateFile(disk, names[1]!, 1000)
    const again = open(disk)
    expect(again.segmentCount).to.equal(2)
    expect(again.recovery.removedSegments).to.equal(names.length - 2)
    expect(Object.keys(contents(disk, /\.log$/))).to.deep.equal(names.slice(0, 2))
    again.syncAll()
    again.close()
    const whole = open(disk)
    appendSingles(whole, 120)
    whole.close()
    disk.remove(`${logFolder}/${Object.keys(contents(disk, /\.log$/))[1]}`)
    const gap = open(disk)
    expect(gap.segmentCount).to.equal(1)
    expect(gap.recovery.reason).to.match(/is followed by a segment at/)
  })

  it('reads only what is above the recovery point', () => {
    const disk = memoryDisk()
    const log = newLog(disk)
    appendSingles(log, 200)
    log.syncAll()
    const point = log.durablePoint
    const sizeBytes = log.sizeBytes
    expect(point).to.deep.equal({ endOffset: 200, position: log.endPosition })
    appendSingles(log, 5)
    log.close()
    const again = open(disk, point)
    expect([again.endOffset, again.recovery.verifiedBytes]).to.deep.equal([205, log.sizeBytes - sizeBytes])
    expect(again.durablePoint).to.deep.equal(point)
  })

  it('reports what is missing or damaged below the recovery point', () => {
    const build = (): { disk: MemoryDisk; point: RecoveryPoint; names: string[] } => {
      const disk = memoryDisk()
      const log = newLog(disk, { ...smallConfig, indexIntervalBytes: 1e6 })
      appendSingles(log, 100)
      log.syncAll()
      log.close()
      return { disk, point: log.durablePoint, names: Object.keys(contents(disk, /\.log$/)) }
    }
    const short = build()
    truncateFile(short.disk, short.names.at(-1)!, short.point.position - 1)
    expect(() => open(short.disk, short.point)).to.throw(/\.log has \d+ bytes, but \d+ were on disk/)
    const gone = build()
    gone.disk.remove(`${logFolder}/${gone.names.at(-1)}`)
    expect(() => open(gone.disk, gone.point)).to.throw(/bytes, but \d+ were on disk|below offset 100 was on disk/)
    const rotten = build()
    rotten.disk.flipBit(`${logFolder}/${rotten.names.at(-1)}`, 8, 6)
    expect(() => open(rotten.disk, rotten.point)).to.throw(
      /the record batch at byte 0 says a length .* below the first/,
    )
  })

  it('makes indexes that are equal to those kept while appending, whatever is left of them', () => {
    withSeed(seedOfRun(), replay, (random) => {
      for (let round = 0; round < 30; round++) {
        const disk = memoryDisk()
        const log = newLog(disk)
        const sequences = new Map<number, number>()
        let point: RecoveryPoint | undefined
        for (let batches = random.between(5, 150); batches > 0; batches--) {
          log.append([randomBatch(random, log.endOffset, sequences)])
          if (!random.chance(0.03)) continue
          log.syncAll()
          point = log.durablePoint
        }
        log.close()
        const expected = contents(disk, /index$/)
        for (const name of Object.keys(expected)) {
          const sizeBytes = expected[name]!.length / 2
          // What was synced at the seal is lost only by other hands: as a whole, or with half an entry.
          const cuts = wasSealedAt(disk, name, point) ? [sizeBytes, sizeBytes - 2] : [random.below(sizeBytes + 1)]
          const what = random.below(4)
          if (what === 0) disk.remove(`${logFolder}/${name}`)
          else if (what === 1) truncateFile(disk, name, Math.max(random.pick(cuts), 0))
          else if (what === 2 && cuts.length === 1) {
            writeFile(disk, name, fileBytes(disk, `${logFolder}/${name}`).fill(0, cuts[0]))
          }
        }
        const trusted = random.chance(0.3) ? undefined : point
        const again = open(disk, trusted)
        again.syncAll()
        expect(contents(disk, /index$/), `round ${round}`).to.deep.equal(expected)
        expect(again.largestTimestamp()).to.deep.equal(log.largestTimestamp())
        const more = randomBatch(random, log.endOffset, sequences)
        again.append([more])
        again.close()
      }
    })
  })

  /** Whether the segment of an index file was sealed when the recovery point was taken. */
  function wasSealedAt(disk: Disk, name: string, point: RecoveryPoint | undefined): boolean {
    const next = Object.keys(contents(disk, /\.log$/)).find((other) => other.slice(0, 20) > name.slice(0, 20))
    if (next === undefined || point === undefined) return false
    const nextOffset = Number(next.slice(0, 20))
    return nextOffset < point.endOffset || (nextOffset === point.endOffset && point.position === 0)
  }

  it('knows all five batches of each producer again, from the snapshot and the log after it', () => {
    withSeed(seedOfRun(), replay, (random) => {
      const disk = memoryDisk()
      let log = newLog(disk)
      const sequences = new Map<number, number>()
      const expected = new ProducerState()
      for (let round = 0; round < 40; round++) {
        for (let batches = random.between(1, 12); batches > 0; batches--) {
          const bytes = randomBatch(random, log.endOffset, sequences)
          log.append([bytes])
          forEachBatch(bytes, 0, bytes.length, (batch) =>
            expected.append(
              batch.producerId,
              batch.producerEpoch,
              batch.baseSequence,
              batch.recordCount,
              batch.baseOffset,
              batch.maxTimestamp,
            ),
          )
        }
        if (random.chance(0.5)) log.snapshotProducers()
        if (random.chance(0.5)) log.syncAll()
        log.close()
        if (random.chance(0.2)) spoilNewestSnapshot(disk)
        log = open(disk, random.chance(0.5) ? log.durablePoint : undefined)
        expectSameProducers(log.producers, expected)
      }
    })
  })

  function spoilNewestSnapshot(disk: Disk): void {
    const name = Object.keys(contents(disk, /snapshot$/)).at(-1)
    if (name !== undefined) truncateFile(disk, name, 7)
  }

  it('cuts where offsets are not dense', () => {
    const disk = memoryDisk()
    const log = newLog(disk)
    appendSingles(log, 4)
    log.close()
    const name = segmentFileName(0, 'log')
    const stray = makeBatch({ baseOffset: 5 })
    writeFile(disk, name, Buffer.concat([fileBytes(disk, `${logFolder}/${name}`), stray]))
    const again = open(disk)
    expect([again.endOffset, again.recovery.tornBytes]).to.deep.equal([4, stray.length])
    expect(again.recovery.reason).to.equal('starts at offset 5, not 4')
  })

  it('syncs what it found in the page cache before anyone relies on it', () => {
    const disk = memoryDisk()
    disk.makeFolder('/topics')
    disk.syncFolder('/')
    const log = newLog(disk)
    log.syncAll()
    appendSingles(log, 10)
    disk.restartProcess()
    const again = open(disk, log.durablePoint)
    expect([again.endOffset, again.needsSync]).to.deep.equal([10, true])
    again.syncAll()
    expect(again.durablePoint.endOffset).to.equal(10)
    disk.cutPower()
    disk.restart()
    expect(open(disk, again.durablePoint).endOffset).to.equal(10)
  })

  it('counts the age of the active segment from its first record', () => {
    const config = { ...smallConfig, segmentMs: 100 }
    for (const point of ['none', 'durable'] as const) {
      const disk = memoryDisk()
      const log = newLog(disk, config)
      for (let index = 0; index < 9; index++)
        log.append([makeBatch({ baseOffset: index, timestamp: 1000 + index * 10 })])
      log.syncAll()
      log.close()
      const again = SegmentedLog.open(disk, logFolder, config, point === 'none' ? undefined : log.durablePoint)
      again.append([makeBatch({ baseOffset: 9, timestamp: 1100 })])
      expect(again.segmentCount).to.equal(1)
      again.append([makeBatch({ baseOffset: 10, timestamp: 1101 })])
      expect(again.segmentCount).to.equal(2)
    }
  })

  it('keeps one snapshot a segment and the newest', () => {
    const disk = memoryDisk()
    const log = newLog(disk)
    for (let round = 0; round < 30; round++) {
      appendSingles(log, 5)
      log.snapshotProducers()
      log.syncAll()
    }
    const bases = Object.keys(contents(disk, /\.log$/)).map((name) => Number(name.slice(0, 20)))
    const snapshots = Object.keys(contents(disk, /snapshot$/)).map((name) => Number(name.slice(0, 20)))
    expect(snapshots).to.deep.equal([...bases.slice(1), 150])
  })

  it('removes what an interrupted step left', () => {
    const disk = memoryDisk()
    const log = newLog(disk)
    appendSingles(log, 1)
    log.syncAll()
    log.close()
    for (const name of ['x.3.tmp', '00000000000000000900.index', '00000000000000000900.timeindex', 'y.deleted']) {
      writeFile(disk, name, new Uint8Array(9))
    }
    open(disk, log.durablePoint)
    expect(disk.list(logFolder)).to.deep.equal([
      '00000000000000000000.log',
      'leader-epoch-checkpoint',
      'partition.metadata',
    ])
  })
})

describe('a segmented log after a power cut', () => {
  it('holds at least what was synced, and nothing that was never written, at any moment of a random history', () => {
    withSeed(seedOfRun(), replay, (random) => {
      for (let history = 0; history < 25; history++) runLogHistory(new Random(random.word()))
    })
  }).timeout(20_000)
})
