/**
 * A partition's log alone, on a disk that loses what a power cut can lose: appended to, synced in part, cut, opened.
 * What is judged: at least what was synced, and nothing that was never written, is there; times, producers and indexes
 * are those of the records that are there.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { ProducerState } from '../../native-free-core/log/producer-state.js'
import { forEachBatch } from '../../native-free-core/log/record-batch.js'
import { SegmentedLog } from '../../workers/shared/segmented-log/segmented-log.js'
import { logFolder, makeBatch, newLog, readAll, smallConfig } from '../support/log-fixture.js'
import { MemoryDisk } from '../support/memory-disk.js'
import { Random } from '../support/random.js'

/** Random batches with producers and wandering times. */
export function randomBatch(random: Random, baseOffset: number, sequences: Map<number, number>): Uint8Array {
  const id = random.below(4)
  const count = random.between(1, 5)
  const sequence = sequences.get(id) ?? 0
  sequences.set(id, sequence + count)
  return makeBatch({
    baseOffset,
    count,
    valueBytes: random.below(120),
    timestamp: random.chance(0.15) ? random.below(100_000) : 10_000 + baseOffset * 20 + random.below(50),
    leaderEpoch: Math.floor(baseOffset / 40),
    ...(id === 0 ? {} : { producer: { id, epoch: 0, sequence } }),
  })
}

export function expectSameProducers(actual: ProducerState, expected: ProducerState): void {
  expect(actual.producerCount).to.equal(expected.producerCount)
  for (const id of [1, 2, 3]) expect(actual.batchesOf(id)).to.deep.equal(expected.batchesOf(id))
}

/** Eight lives of one log, each ended by a power cut. Throws with what is wrong. */
export function runLogHistory(random: Random): void {
  const disk = new MemoryDisk({ random: new Random(random.word()) })
  const sequences = new Map<number, number>()
  disk.makeFolder('/topics')
  disk.syncFolder('/')
  let log = newLog(disk)
  let written: Uint8Array = new Uint8Array(0)
  log.syncAll()
  // What the shard's recovery point file would hold.
  let point = log.durablePoint
  for (let round = 0; round < 8; round++) {
    for (let steps = random.between(1, 40); steps > 0; steps--) {
      const batches = Array.from({ length: random.between(1, 3) }, (): Uint8Array => new Uint8Array(0))
      let offset = log.endOffset
      for (const index of batches.keys()) {
        batches[index] = randomBatch(random, offset, sequences)
        offset = endOffsetOf(batches[index]!)
      }
      log.append(batches)
      written = Buffer.concat([written, ...batches])
      if (random.chance(0.1)) log.snapshotProducers()
      if (random.chance(0.15)) {
        log.syncAll()
        point = log.durablePoint
      } else if (random.chance(0.1)) syncSome(disk, log, random)
    }
    disk.cutPower()
    disk.restart()
    log = SegmentedLog.open(disk, logFolder, smallConfig, point)
    expect(log.endOffset).to.be.at.least(point.endOffset)
    const found = Buffer.from(readAll(log))
    expect(found.equals(written.subarray(0, found.length)), 'a prefix of what was written').to.equal(true)
    expectConsistent(log, found)
    log.syncAll()
    expect(JSON.stringify(log.verify())).to.equal('[]')
    written = found
    point = log.durablePoint
    sequences.clear()
    for (const id of [1, 2, 3]) sequences.set(id, (log.producers.batchesOf(id).at(-1)?.lastSequence ?? -1) + 1)
  }
}

/** A few of the syncs are done, none is reported as the recovery point: the process dies before. */
function syncSome(disk: MemoryDisk, log: SegmentedLog, random: Random): void {
  for (const work of log.takeSyncWork()) {
    if (!random.chance(0.5) || !disk.exists(work.path)) continue
    if (work.kind === 'folder') disk.syncFolder(work.path)
    else {
      const file = disk.open(work.path, 'read-write')
      disk.sync(file)
      disk.close(file)
    }
    log.synced(work)
  }
}

function endOffsetOf(bytes: Uint8Array): number {
  let end = 0
  forEachBatch(bytes, 0, bytes.length, (batch) => (end = batch.lastOffset + 1))
  return end
}

/** Times and producers are those of the records that are there. */
function expectConsistent(log: SegmentedLog, bytes: Uint8Array): void {
  const producers = new ProducerState()
  let largest = -1
  forEachBatch(bytes, 0, bytes.length, (batch) => {
    largest = Math.max(largest, batch.maxTimestamp)
    const { producerId, producerEpoch, baseSequence, recordCount, baseOffset, maxTimestamp } = batch
    producers.append(producerId, producerEpoch, baseSequence, recordCount, baseOffset, maxTimestamp)
  })
  expect(log.largestTimestamp()?.timestamp ?? -1).to.equal(largest)
  expectSameProducers(log.producers, producers)
}
