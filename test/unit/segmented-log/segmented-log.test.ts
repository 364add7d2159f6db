/**
 * A partition's log: appends and rolls, reads, leases, times, retention, truncation, failures.
 * Runs on: the test process, on a disk in memory.
 */
import { expect } from 'chai'
import { LeaderEpochs } from '../../../native-free-core/log/leader-epoch-checkpoint.js'
import { forEachBatch, RecordBatchView } from '../../../native-free-core/log/record-batch.js'
import { dumpPath } from '../../../workers/shared/segmented-log/dump.js'
import { readTopicId, SegmentedLog } from '../../../workers/shared/segmented-log/segmented-log.js'
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
  topicId,
} from '../../support/log-fixture.js'
import { type Fault, MemoryDisk } from '../../support/memory-disk.js'
import { Random, seedOfRun, withSeed } from '../../support/random.js'

const replay = 'npm test -- test/unit/segmented-log'

describe('a segmented log', () => {
  it('holds what was appended, in segments that are named after their first offset', () => {
    const disk = memoryDisk()
    const log = newLog(disk)
    const batches = [...appendSingles(log, 40), ...appendSingles(log, 40)]
    expect(log.endOffset).to.equal(80)
    expect(Buffer.from(readAll(log))).to.deep.equal(Buffer.concat(batches))
    expect(log.segmentCount).to.be.greaterThan(2)
    const names = disk.list(logFolder).filter((name) => name.endsWith('.log'))
    for (const name of names) {
      const first = new RecordBatchView(fileBytes(disk, `${logFolder}/${name}`))
      expect(first.baseOffset).to.equal(Number(name.slice(0, 20)))
    }
    expect(log.sizeBytes).to.equal(Buffer.concat(batches).length)
  })

  it('takes views that hold several batches, and rolls between them', () => {
    const log = newLog(memoryDisk())
    const batches = Array.from({ length: 90 }, (_, index) => makeBatch({ baseOffset: index }))
    log.append([Buffer.concat(batches.slice(0, 50)), ...batches.slice(50, 60), Buffer.concat(batches.slice(60))])
    expect(Buffer.from(readAll(log))).to.deep.equal(Buffer.concat(batches))
    expect(log.segmentCount).to.be.greaterThan(2)
  })

  it('never makes a segment larger than segment.bytes, unless one batch is', () => {
    const disk = memoryDisk()
    const log = newLog(disk)
    log.append([
      makeBatch({ baseOffset: 0, valueBytes: 10 }),
      makeBatch({ baseOffset: 1, valueBytes: 5000 }),
      makeBatch({ baseOffset: 2, valueBytes: 10 }),
    ])
    const sizes = Object.values(contents(disk, /\.log$/)).map((hex) => hex.length / 2)
    expect(sizes).to.have.lengthOf(3)
    expect([sizes[0]! < 3000, sizes[1]! > 5000, sizes[2]! < 3000]).to.deep.equal([true, true, true])
  })

  it('rolls by the age that its records tell', () => {
    const log = newLog(memoryDisk(), { ...smallConfig, segmentMs: 100 })
    const times = [1000, 1100, 1101, 1150, 1201, 1202]
    for (const [baseOffset, timestamp] of times.entries()) log.append([makeBatch({ baseOffset, timestamp })])
    expect(log.segmentCount).to.equal(3)
  })

  it('rolls by its own age when records have no time', () => {
    const log = SegmentedLog.create(memoryDisk(), logFolder, topicId, { ...smallConfig, segmentMs: 100 }, 0, 5000)
    for (const [baseOffset, nowMs] of [5000, 5100, 5101].entries()) {
      log.append([makeBatch({ baseOffset, timestamp: -1 })], nowMs)
    }
    expect(log.segmentCount).to.equal(2)
  })

  it('rolls when an index is full', () => {
    const config = { ...smallConfig, segmentBytes: 1e6, segmentIndexBytes: 120, indexIntervalBytes: 10 }
    const disk = memoryDisk()
    const log = newLog(disk, config)
    for (let index = 0; index < 50; index++) appendSingles(log, 1)
    expect(log.segmentCount).to.be.greaterThan(3)
    for (const hex of Object.values(contents(disk, /index$/))) expect(hex.length / 2).to.be.at.most(120)
  })

  it('belongs to the topic that its folder says', () => {
    const disk = memoryDisk()
    newLog(disk)
    expect(readTopicId(disk, logFolder)).to.equal(topicId)
    expect(readTopicId(disk, '/topics')).to.equal(undefined)
  })

  it('can begin at any offset', () => {
    const log = SegmentedLog.create(memoryDisk(), logFolder, topicId, smallConfig, 5000)
    appendSingles(log, 3)
    expect([log.baseOffset, log.logStartOffset, log.endOffset]).to.deep.equal([5000, 5000, 5003])
    expect(() => log.append([makeBatch({ baseOffset: 5004 })])).to.throw('does not start where the log ends')
  })

  it('indexes a batch once more than index.interval.bytes lie before it, as Kafka does', () => {
    const disk = memoryDisk()
    const sizeBytes = makeBatch({ baseOffset: 0 }).length
    const log = newLog(disk, { ...smallConfig, segmentBytes: 1e6, indexIntervalBytes: 2 * sizeBytes })
    appendSingles(log, 8)
    const lines: string[] = []
    for (const kind of ['index', 'timeindex'])
      dumpPath(disk, `${logFolder}/00000000000000000000.${kind}`, (line) => lines.push(line))
    expect(lines).to.deep.equal([
      `offset: 3 position: ${3 * sizeBytes}`,
      `offset: 6 position: ${6 * sizeBytes}`,
      '00000000000000000000.index: 2 entries',
      'timestamp: 1003 offset: 3',
      'timestamp: 1006 offset: 6',
      '00000000000000000000.timeindex: 2 entries',
    ])
  })

  it('lists all that a new log needs on the medium', () => {
    const log = newLog(memoryDisk())
    expect(log.unsyncedFiles().sort()).to.deep.equal([
      '/topics',
      '/topics/t-0',
      '/topics/t-0/00000000000000000000.log',
      '/topics/t-0/partition.metadata',
    ])
    const works = log.takeSyncWork()
    expect([works.length, log.needsSync, log.unsyncedFiles().length]).to.deep.equal([4, false, 4])
    for (const work of works) log.synced(work)
    expect(log.unsyncedFiles()).to.deep.equal([])
    expect(() => log.synced(works[0]!)).to.throw('a sync is reported that was not taken, or twice')
  })

  it('moves its durable point only when everything taken is synced', () => {
    const log = newLog(memoryDisk())
    log.syncAll()
    log.append([makeBatch({ baseOffset: 0 })])
    const first = log.takeSyncWork()
    log.append([makeBatch({ baseOffset: 1 })])
    const second = log.takeSyncWork()
    for (const work of second) log.synced(work)
    expect(log.durablePoint.endOffset).to.equal(0)
    for (const work of first) log.synced(work)
    expect(log.durablePoint.endOffset).to.equal(2)
  })

  it('snapshots its producers by itself when much was written', () => {
    const disk = memoryDisk()
    const log = newLog(disk, { ...smallConfig, segmentBytes: 1e9 })
    for (let index = 0; index < 33; index++) {
      expect(Object.keys(contents(disk, /snapshot$/))).to.deep.equal([])
      log.append([makeBatch({ baseOffset: index, valueBytes: 1 << 20 })])
      if (index < 31) log.syncAll()
    }
    log.syncAll()
    expect(Object.keys(contents(disk, /snapshot$/))).to.deep.equal(['00000000000000000033.snapshot'])
  })

  it('never replaces a small file by an older version, in whatever order syncs are reported', () => {
    const disk = memoryDisk()
    const log = newLog(disk)
    log.syncAll()
    log.append([makeBatch({ baseOffset: 0, leaderEpoch: 1 })])
    const first = log.takeSyncWork()
    log.append([makeBatch({ baseOffset: 1, leaderEpoch: 2 })])
    for (const work of [...log.takeSyncWork(), ...first]) log.synced(work)
    const text = new TextDecoder().decode(fileBytes(disk, `${logFolder}/leader-epoch-checkpoint`))
    expect(text).to.equal('0\n2\n1 0\n2 1\n')
    expect(disk.list(logFolder).filter((name) => name.endsWith('.tmp'))).to.deep.equal([])
  })

  it('notes leader epochs in the file that Kafka reads', () => {
    const disk = memoryDisk()
    const log = newLog(disk)
    for (const [baseOffset, leaderEpoch] of [0, 0, 4, 4, 7].entries())
      log.append([makeBatch({ baseOffset, leaderEpoch })])
    log.syncAll()
    expect(new TextDecoder().decode(fileBytes(disk, `${logFolder}/leader-epoch-checkpoint`))).to.equal(
      '0\n3\n0 0\n4 2\n7 4\n',
    )
    expect(log.leaderEpochs).to.be.instanceOf(LeaderEpochs)
  })
})

describe('reading a segmented log', () => {
  it('locates every offset within every size, in whole batches', () => {
    const disk = memoryDisk()
    const log = newLog(disk)
    for (let offset = 0; offset < 120; offset += 3) log.append([makeBatch({ baseOffset: offset, count: 3 })])
    for (let offset = 0; offset < 120; offset++) {
      for (const maxBytes of [0, 1, 150, 400, 1000, 10_000]) {
        const lease = log.locate(offset, maxBytes)!
        const range = fileBytes(disk, lease.path).subarray(lease.position, lease.position + lease.lengthBytes)
        const first = new RecordBatchView(range)
        expect([first.validate(), first.baseOffset]).to.deep.equal(['ok', offset - (offset % 3)])
        let at = 0
        for (const batch = new RecordBatchView(range); at < range.length; at += batch.over(range, at).sizeBytes) {
          expect(batch.over(range, at).validate()).to.equal('ok')
        }
        expect(at).to.equal(range.length)
        expect(range.length).to.be.at.most(Math.max(maxBytes, first.sizeBytes))
        log.release(lease)
      }
    }
    expect(log.leaseCount).to.equal(0)
  })

  it('ends at the end, and refuses what lies outside', () => {
    const log = newLog(memoryDisk())
    appendSingles(log, 5)
    expect(log.locate(5, 100)).to.equal(undefined)
    expect(log.read(5, 100)).to.have.lengthOf(0)
    expect(() => log.locate(6, 100)).to.throw('offset 6 is not in the log; it has offsets 0 to 5')
    expect(() => log.locate(-1, 100)).to.throw('offset -1')
    expect([log.segmentFor(5), log.segmentFor(4)?.baseOffset]).to.deep.equal([undefined, 0])
  })

  it('compares batches with what recovery finds in the journal', () => {
    const log = newLog(memoryDisk())
    for (let offset = 0; offset < 90; offset += 3) log.append([makeBatch({ baseOffset: offset, count: 3 })])
    const batch = makeBatch({ baseOffset: 42, count: 3 })
    expect(log.readBatch(42, batch.length)).to.deep.equal(batch)
    expect(log.readBatch(43, batch.length)).to.equal(undefined)
    expect(log.readBatch(90, batch.length)).to.equal(undefined)
    log.syncAll()
    log.deleteRecordsUpTo(60)
    expect(log.readBatch(0, batch.length)).to.equal('absent')
  })
})

describe('times in a segmented log', () => {
  it('find the first record that is not older, as a walk over all records does', () => {
    withSeed(seedOfRun(), replay, (random) => {
      const log = newLog(memoryDisk())
      const records: { offset: number; timestamp: number }[] = []
      for (let baseOffset = 0; baseOffset < 200; ) {
        const count = random.between(1, 4)
        const timestamp = random.chance(0.1) ? random.below(20_000) : 5000 + baseOffset * 10 + random.below(100)
        log.append([makeBatch({ baseOffset, count, timestamp })])
        for (let index = 0; index < count; index++)
          records.push({ offset: baseOffset + index, timestamp: timestamp + index })
        baseOffset += count
      }
      const check = (): void => {
        const visible = records.filter(({ offset }) => offset >= log.logStartOffset)
        for (let wanted = 0; wanted < 21_000; wanted += 97) {
          const expected = visible.find(({ timestamp }) => timestamp >= wanted)
          expect(log.offsetForTimestamp(wanted), `time ${wanted}`).to.deep.equal(expected)
        }
      }
      check()
      const largest = Math.max(...records.map(({ timestamp }) => timestamp))
      expect(log.largestTimestamp()?.timestamp).to.equal(largest)
      log.syncAll()
      log.deleteRecordsUpTo(77)
      check()
    })
  })

  it('are none in an empty log', () => {
    const log = newLog(memoryDisk())
    expect([log.largestTimestamp(), log.offsetForTimestamp(0)]).to.deep.equal([undefined, undefined])
  })
})

describe('retention', () => {
  /** Returns how many segments went. */
  function retain(log: SegmentedLog, nowMs: number, highWatermark: number): number {
    return log.deleteRecordsUpTo(log.retentionStart(nowMs, highWatermark))
  }

  it('removes by size, oldest first, only sealed and synced segments below the high watermark', () => {
    const disk = memoryDisk()
    const log = newLog(disk, { ...smallConfig, retentionBytes: 3500 })
    appendSingles(log, 150)
    expect(retain(log, 0, 150), 'nothing is synced yet').to.equal(0)
    log.syncAll()
    expect(retain(log, 0, 0), 'nothing is below the high watermark').to.equal(0)
    const before = log.sizeBytes
    expect(retain(log, 0, 150)).to.be.greaterThan(1)
    expect(log.sizeBytes).to.be.within(3500, 6500).and.below(before)
    expect(log.logStartOffset).to.equal(log.baseOffset)
    expect(() => log.read(0, 100)).to.throw('is not in the log')
    log.syncAll()
    expect(disk.list(logFolder).filter((name) => Number(name.slice(0, 20)) < log.baseOffset)).to.deep.equal([])
  })

  it('counts what a deletion takes, so that retention.bytes are left', () => {
    const log = newLog(memoryDisk(), { ...smallConfig, retentionBytes: 6000 })
    appendSingles(log, 150)
    log.syncAll()
    const wanted = log.retentionStart(0, 150)
    const deleted = newLog(memoryDisk(), { ...smallConfig, retentionBytes: 6000 })
    appendSingles(deleted, 150)
    deleted.syncAll()
    deleted.moveStartTo(wanted - 1)
    expect(deleted.retentionStart(0, 150)).to.equal(wanted)
  })

  it('removes by the largest time of a segment, also the last one', () => {
    const disk = memoryDisk()
    const log = newLog(disk, { ...smallConfig, retentionMs: 1000 })
    appendSingles(log, 100)
    log.syncAll()
    expect(retain(log, 2000, 100)).to.equal(0)
    expect(retain(log, 2060, 100)).to.be.greaterThan(0)
    expect(log.offsetForTimestamp(0)!.offset).to.be.within(1, 60)
    expect(log.segmentCount).to.be.greaterThan(1)
    expect(retain(log, 1e6, 100), 'the last one is sealed, but not synced').to.be.greaterThan(0)
    log.syncAll()
    retain(log, 1e6, 100)
    expect([log.baseOffset, log.endOffset, log.sizeBytes, log.segmentCount]).to.deep.equal([100, 100, 0, 1])
    expect(appendSingles(log, 2)).to.have.lengthOf(2)
  })

  it('leaves records without a time alone', () => {
    const log = newLog(memoryDisk(), { ...smallConfig, retentionMs: 1 })
    for (let baseOffset = 0; baseOffset < 60; baseOffset++) log.append([makeBatch({ baseOffset, timestamp: -1 })])
    log.syncAll()
    expect(retain(log, 1e12, 60)).to.equal(0)
  })

  it('by request moves the start within a segment and removes the segments below', () => {
    const log = newLog(memoryDisk())
    appendSingles(log, 100)
    log.syncAll()
    expect(log.deleteRecordsUpTo(5)).to.equal(0)
    expect(log.logStartOffset).to.equal(5)
    expect(log.deleteRecordsUpTo(3)).to.equal(0)
    expect(log.logStartOffset).to.equal(5)
    expect(log.deleteRecordsUpTo(99)).to.be.greaterThan(0)
    expect([log.logStartOffset, log.baseOffset <= 99]).to.deep.equal([99, true])
    expect(() => log.deleteRecordsUpTo(101)).to.throw('offset 101 is not in the log')
    log.deleteRecordsUpTo(100)
    expect([log.logStartOffset, log.locate(100, 1)]).to.deep.equal([100, undefined])
  })

  it('waits for readers', () => {
    const disk = memoryDisk()
    const log = newLog(disk)
    const batches = appendSingles(log, 100)
    log.syncAll()
    const lease = log.locate(0, 200)!
    log.deleteRecordsUpTo(100)
    log.syncAll()
    const bytes = fileBytes(disk, lease.path).subarray(lease.position, lease.position + lease.lengthBytes)
    expect(Buffer.from(bytes)).to.deep.equal(Buffer.concat(batches).subarray(0, bytes.length))
    log.release(lease)
    expect(disk.exists(lease.path)).to.equal(false)
    expect(disk.exists(`${lease.path}.deleted`)).to.equal(true)
    log.syncAll()
    expect(disk.exists(`${lease.path}.deleted`)).to.equal(false)
    expect(() => log.release(lease)).to.throw('a lease is released that is not held')
  })

  it('leaves no hole when a power cut undoes some of it: all of it is below the start that was recorded', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const disk = memoryDisk(seed)
      disk.makeFolder('/topics')
      disk.syncFolder('/')
      const log = newLog(disk)
      const batches = appendSingles(log, 150)
      log.syncAll()
      const point = { ...log.durablePoint, logStartOffset: 120 }
      expect(log.deleteRecordsUpTo(120)).to.be.greaterThan(2)
      disk.cutPower()
      disk.restart()
      const again = SegmentedLog.open(disk, logFolder, smallConfig, point)
      expect([again.logStartOffset, again.endOffset]).to.deep.equal([120, 150])
      expect(again.baseOffset).to.be.within(90, 120)
      const found = Buffer.from(again.read(120, 1e6))
      expect(found.equals(Buffer.concat(batches.slice(120)).subarray(0, found.length))).to.equal(true)
    }
  })

  it('that was interrupted is finished at the next open', () => {
    const disk = memoryDisk()
    const log = newLog(disk)
    appendSingles(log, 100)
    log.syncAll()
    log.deleteRecordsUpTo(50)
    expect(Object.keys(contents(disk, /deleted$/))).to.not.deep.equal([])
    log.close()
    const again = SegmentedLog.open(disk, logFolder, smallConfig, { ...log.durablePoint, logStartOffset: 50 })
    expect(Object.keys(contents(disk, /deleted$/))).to.deep.equal([])
    expect([again.logStartOffset, again.endOffset]).to.deep.equal([50, 100])
  })
})

describe('truncating a segmented log', () => {
  it('leaves what a log has that never held more', () => {
    for (let cut = 0; cut <= 60; cut += 1) {
      const build = (end: number): SegmentedLog => {
        const log = newLog(memoryDisk())
        for (let offset = 0; offset < end; offset += 2) {
          const producer = { id: 1 + (offset % 3), epoch: 0, sequence: offset }
          log.append([makeBatch({ baseOffset: offset, count: 2, producer, leaderEpoch: Math.floor(offset / 9) })])
        }
        return log
      }
      const log = build(60)
      if (cut % 2 === 0) log.syncAll()
      const end = log.truncateTo(cut)
      expect(end).to.equal(cut - (cut % 2))
      const expected = build(end)
      expect(Buffer.from(readAll(log))).to.deep.equal(Buffer.from(readAll(expected)))
      expect(log.leaderEpochs.all).to.deep.equal(expected.leaderEpochs.all)
      for (const id of [1, 2, 3]) {
        expect(log.producers.batchesOf(id).at(-1), `producer ${id} at ${cut}`).to.deep.equal(
          expected.producers.batchesOf(id).at(-1),
        )
      }
      expect(log.offsetForTimestamp(1030)).to.deep.equal(expected.offsetForTimestamp(1030))
      log.append([makeBatch({ baseOffset: end, count: 2, leaderEpoch: 99 })])
      expect(log.endOffset).to.equal(end + 2)
      log.syncAll()
      log.close()
    }
  })

  it('to below its first segment begins anew there', () => {
    const disk = memoryDisk()
    const log = SegmentedLog.create(disk, logFolder, topicId, smallConfig, 100)
    appendSingles(log, 60)
    log.syncAll()
    expect(log.truncateTo(40)).to.equal(40)
    expect([log.baseOffset, log.logStartOffset, log.endOffset, log.segmentCount]).to.deep.equal([40, 40, 40, 1])
    expect(log.truncateTo(50)).to.equal(40)
  })
})

describe('a segmented log on a failing disk', () => {
  function failing(): { disk: MemoryDisk; failNext: (fault: Fault, operation: string) => void } {
    let fault: Fault
    let wanted = ''
    const disk = new MemoryDisk({
      random: new Random(7),
      fault: (operation) => {
        if (operation !== wanted || fault === undefined) return undefined
        const now = fault
        fault = undefined
        return now
      },
    })
    return {
      disk,
      failNext: (next, operation) => {
        fault = next
        wanted = operation
      },
    }
  }

  for (const operation of ['write', 'open'] as const) {
    it(`ends with the last batch that was written, and goes on from there (${operation})`, () => {
      const { disk, failNext } = failing()
      const log = newLog(disk)
      let failures = 0
      const batches: Uint8Array[] = []
      for (let round = 0; round < 120; round++) {
        const before = log.endOffset
        const more = Array.from({ length: 3 }, (_, index) => makeBatch({ baseOffset: before + index }))
        if (round % 3 === 1) failNext('ENOSPC', operation)
        try {
          log.append(more)
        } catch {
          failures++
        }
        failNext(undefined, '')
        batches.push(...more.slice(0, log.endOffset - before))
      }
      expect(failures).to.be.greaterThan(operation === 'write' ? 30 : 2)
      expect(Buffer.from(readAll(log))).to.deep.equal(Buffer.concat(batches))
      log.syncAll()
      log.close()
      const again = SegmentedLog.open(disk, logFolder, smallConfig, undefined)
      expect(again.endOffset).to.equal(log.endOffset)
      expect(again.verify()).to.deep.equal([])
    })
  }
})

describe('the scrubber', () => {
  it('finds any flipped bit of a sealed segment and its indexes, and nothing else', () => {
    const random = new Random(5)
    const disk = memoryDisk()
    const log = newLog(disk)
    appendSingles(log, 100)
    log.syncAll()
    let pausedBytes = 0
    expect(log.verify((bytes) => (pausedBytes += bytes))).to.deep.equal([])
    expect(pausedBytes).to.be.greaterThan(5000)
    const names = disk.list(logFolder).filter((name) => /^0{20}\.(log|index|timeindex)$/.test(name))
    expect(names).to.have.lengthOf(3)
    const starts: number[] = []
    const segment = fileBytes(disk, `${logFolder}/${names.find((name) => name.endsWith('.log'))}`)
    forEachBatch(segment, 0, segment.length, (batch) => starts.push(batch.position))
    for (const name of names) {
      const path = `${logFolder}/${name}`
      for (let round = 0; round < 40; round++) {
        const position = random.below(disk.sizeOf(path))
        // A leader epoch may be anything: the CRC does not cover it.
        const inBatch = position - starts.filter((start) => start <= position).at(-1)!
        const isEpoch = name.endsWith('.log') && inBatch >= 12 && inBatch < 16
        const bit = random.below(8)
        disk.flipBit(path, position, bit)
        const found = log.verify().map((damage) => damage.path)
        expect(found, `${name} byte ${position} bit ${bit}`).to.deep.equal(isEpoch ? [] : [path])
        disk.flipBit(path, position, bit)
      }
    }
  })
})
