/**
 * The raft log on disk: what a restart finds after power cuts, and what refuses the start.
 * Runs on: the test process. Replay: STREAMBUS_SEED=N npm test -- test/unit/metadata-worker
 */
import { expect } from 'chai'
import { crc32cOf } from '../../../native-free-core/log/crc32c.js'
import { MetadataImage } from '../../../native-free-core/metadata/metadata-image.js'
import type { MetadataWork, RestoredRaft } from '../../../native-free-core/metadata/metadata-node.js'
import {
  confStateOf,
  type HardState,
  type RaftEntry,
  type RaftSnapshot,
} from '../../../native-free-core/metadata/raft/raft-types.js'
import { MetadataLog, type OpenedMetadataLog } from '../../../workers/metadata/metadata-log.js'
import { MemoryDisk, PowerCut } from '../../support/memory-disk.js'
import { Random, seedOfRun, withSeed } from '../../support/random.js'

const clusterId = 'c'.repeat(32)
const folder = '/data/metadata'
const journal = `${folder}/raft.journal`
const capacityBytes = 1 << 18
const data = MetadataImage.empty(clusterId).encode()

function newDisk(
  seed: number,
  options: { fault?: () => 'power cut' | undefined; durableWritesAreNot?: boolean } = {},
): MemoryDisk {
  const disk = new MemoryDisk({ random: new Random(seed), ...options })
  disk.makeFolder('/data')
  disk.syncFolder('/')
  return disk
}

let runs = 0
function open(
  disk: MemoryDisk,
  extra: { mustExist?: boolean; clusterId?: string; brokerId?: number } = {},
): OpenedMetadataLog {
  const runId = (++runs).toString(16).padStart(16, '0')
  return MetadataLog.open({
    disk,
    folder,
    clusterId,
    brokerId: 0,
    crc: crc32cOf,
    runId,
    mustExist: false,
    capacityBytes,
    ...extra,
  })
}

function work(part: Partial<MetadataWork>): MetadataWork {
  return { snapshot: undefined, entries: [], hardState: undefined, mustSync: true, messages: [], ...part }
}

function entry(index: number, term: number, sizeBytes = 10): RaftEntry {
  return { index, term, type: 0, data: new Uint8Array(sizeBytes).fill(index) }
}

function snapshotAt(index: number, term: number): RaftSnapshot {
  return { index, term, confState: confStateOf([1]), data }
}

/** In one line: the snapshot's place, the entries', the hard state. */
function shown({ snapshot, entries, hardState }: RestoredRaft): string {
  const state = hardState === undefined ? '' : ` term ${hardState.term} vote ${hardState.vote}`
  return `${snapshot.index}/${snapshot.term}: ${entries.map((one) => `${one.index}/${one.term}`).join(' ')}${state}`
}

/** A history as raft would make it, with what must be found after a crash at any moment. */
class History {
  /** What the last call that returned made durable, and what the one under way would. */
  before: RestoredRaft = { snapshot: snapshotAt(0, 0), hardState: undefined, entries: [] }
  after = this.before
  private readonly random: Random
  private term = 1

  constructor(random: Random) {
    this.random = random
  }

  /** One random operation on the log. */
  step(log: MetadataLog): void {
    const kind = this.random.below(20)
    if (log.isCrowded) log.moveUp()
    // The real node bounds what waits for the quorum to a quarter of the journal.
    const tailBytes = this.before.entries.reduce((sum, one) => sum + one.data.length, 0)
    if (tailBytes > capacityBytes / 8) this.snapshot(log, this.before.entries.at(-1))
    else if (kind < 13) this.append(log)
    else if (kind < 15) this.vote(log)
    else if (kind < 18) this.snapshot(log)
    else if (kind < 19) this.install(log)
    else log.moveUp()
    this.before = this.after
  }

  private get lastIndex(): number {
    return this.before.entries.at(-1)?.index ?? this.before.snapshot.index
  }

  /** Sometimes a new leader's, which takes the end away. */
  private append(log: MetadataLog): void {
    const { entries, snapshot } = this.before
    const isConflict = entries.length > 0 && this.random.chance(0.3)
    if (isConflict) this.term++
    const first = isConflict ? this.random.pick(entries).index : this.lastIndex + 1
    const added = Array.from({ length: this.random.between(1, 5) }, (_, place) =>
      entry(first + place, this.term, this.random.below(3000)),
    )
    const hardState = { term: this.term, vote: this.random.below(4), commit: snapshot.index }
    this.after = { ...this.before, hardState, entries: [...entries.filter((one) => one.index < first), ...added] }
    log.persist(work({ entries: added, hardState }))
  }

  private vote(log: MetadataLog): void {
    const hardState: HardState = { term: ++this.term, vote: this.random.below(4), commit: this.before.snapshot.index }
    this.after = { ...this.before, hardState }
    log.persist(work({ hardState }))
  }

  private snapshot(log: MetadataLog, upTo?: RaftEntry): void {
    const { entries } = this.before
    if (entries.length === 0) return
    const last = upTo ?? this.random.pick(entries)
    this.after = {
      ...this.before,
      snapshot: snapshotAt(last.index, last.term),
      entries: entries.filter((one) => one.index > last.index),
    }
    log.saveSnapshot(this.after.snapshot)
  }

  private install(log: MetadataLog): void {
    const snapshot = snapshotAt(this.lastIndex + this.random.between(1, 10), ++this.term)
    const hardState = { term: this.term, vote: 0, commit: snapshot.index }
    this.after = { snapshot, hardState, entries: [] }
    log.persist(work({ snapshot, hardState }))
  }

  /** What was found is what was durable, or lies between it and what was under way. */
  check(found: RestoredRaft): void {
    const isWhole = [this.before, this.after].some((state) => shown(state) === shown(found))
    if (!isWhole) this.checkBetween(found)
    this.before = this.after = { ...found }
  }

  /** Two writes where the ring's lap ended: the end taken away, some of the new entries, the old hard state. */
  private checkBetween(found: RestoredRaft): void {
    const message = `found ${shown(found)} between ${shown(this.before)} and ${shown(this.after)}`
    const old = this.before.entries
    const next = this.after.entries
    const kept = old.filter((one, place) => next[place]?.term === one.term && next[place].index === one.index)
    expect(shown({ ...found, entries: [] }), message).to.equal(shown({ ...this.before, entries: [] }))
    expect(found.entries.length, message).to.be.at.least(kept.length)
    const isPrefix = found.entries.every(
      (one, place) => next[place]?.index === one.index && next[place].term === one.term,
    )
    expect(isPrefix, message).to.equal(true)
  }
}

/** Several lives of one log; each ends in a power cut. Returns how many cuts met a call. */
function live(random: Random, lives: number, options: { durableWritesAreNot?: boolean } = {}): number {
  let cutAfter = Number.POSITIVE_INFINITY
  let cuts = 0
  const fault = (): 'power cut' | undefined => (--cutAfter < 0 ? 'power cut' : undefined)
  const disk = newDisk(random.word(), { ...options, fault })
  const history = new History(random)
  for (let life = 0; life < lives; life++) {
    cutAfter = random.below(random.pick([20, 100, 1000]))
    try {
      const { log, restored } = open(disk)
      history.check(restored)
      for (let step = 0; step < 300; step++) history.step(log)
      disk.cutPower()
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error
      cuts++
    }
    cutAfter = Number.POSITIVE_INFINITY
    disk.restart()
  }
  history.check(open(disk).restored)
  return cuts
}

function errorOf(act: () => unknown): { name: string; message: string; remedy: string } {
  try {
    act()
  } catch (error) {
    return error as { name: string; message: string; remedy: string } & Error
  }
  throw new Error('nothing was thrown')
}

describe('metadata log', () => {
  it('begins with one voter, an empty image and no entries', () => {
    const { isNew, restored } = open(newDisk(1))
    expect(isNew).to.equal(true)
    expect(restored.snapshot.confState.voters).to.deep.equal([1])
    expect(MetadataImage.parse(restored.snapshot.data).clusterId).to.equal(clusterId)
    expect(shown(restored)).to.equal('0/0: ')
  })

  it('gives back entries, vote and truncations after a restart, and after the next', () => {
    const disk = newDisk(1)
    const { log } = open(disk)
    log.persist(work({ entries: [entry(1, 1), entry(2, 1), entry(3, 1)], hardState: { term: 1, vote: 1, commit: 0 } }))
    log.persist(work({ entries: [entry(2, 4)], hardState: { term: 4, vote: 2, commit: 1 } }))
    for (let count = 0; count < 3; count++) {
      disk.cutPower()
      disk.restart()
      const { isNew, restored } = open(disk)
      expect(isNew).to.equal(false)
      expect(shown(restored)).to.equal('0/0: 1/1 2/4 term 4 vote 2')
    }
  })

  it('writes nothing for a commit index alone, and does so with the next entries', () => {
    const disk = newDisk(1)
    const { log } = open(disk)
    log.persist(work({ entries: [entry(1, 1)], hardState: { term: 1, vote: 1, commit: 0 } }))
    const calls = disk.callCount
    log.persist(work({ hardState: { term: 1, vote: 1, commit: 1 }, mustSync: false }))
    expect(disk.callCount).to.equal(calls)
    log.persist(work({ entries: [entry(2, 1)] }))
    disk.cutPower()
    disk.restart()
    expect(open(disk).restored.hardState?.commit).to.equal(1)
  })

  it('makes one durable write of many entries', () => {
    const disk = newDisk(1)
    const { log } = open(disk)
    const calls = disk.callCount
    log.persist(work({ entries: Array.from({ length: 50 }, (_, index) => entry(index + 1, 1)) }))
    expect(disk.callCount).to.equal(calls + 1)
  })

  it('keeps its size: snapshots let the head pass, and old files go', () => {
    const disk = newDisk(1)
    const { log } = open(disk)
    for (let index = 1; index <= 500; index++) {
      log.persist(work({ entries: [entry(index, 1, 500)], hardState: { term: 1, vote: 1, commit: index - 1 } }))
      if (log.isSnapshotDue) log.saveSnapshot(snapshotAt(index, 1))
    }
    expect(log.usedBytes).to.be.at.most(capacityBytes)
    expect(disk.list(folder).length).to.equal(2)
    disk.cutPower()
    disk.restart()
    const { restored } = open(disk)
    expect(restored.snapshot.index + restored.entries.length).to.equal(500)
  })

  it('moves up what waits for the quorum when many small commits crowd the journal', () => {
    const { log } = open(newDisk(1))
    for (let index = 1; index <= 200; index++) {
      log.persist(work({ entries: [entry(index, 1)] }))
      if (log.isCrowded) log.moveUp()
    }
    expect(log.usedBytes).to.be.at.most(capacityBytes / 2 + 4096)
  })

  it('says that the journal is full rather than lose entries', () => {
    const { log } = open(newDisk(1))
    const fill = (): void => {
      for (let index = 1; index <= 40; index++) log.persist(work({ entries: [entry(index, 1, 8000)] }))
    }
    expect(errorOf(fill).message).to.match(/is full: \d+ changes of metadata wait for the quorum/)
  })

  it('finds after power cuts at any call what was durable, and nothing else', function () {
    this.timeout(30_000)
    const first = seedOfRun()
    let cuts = 0
    for (let seed = first; seed < first + 60; seed++) {
      withSeed(seed, 'npm test -- test/unit/metadata-worker', (random) => {
        cuts += live(random, 8)
      })
    }
    expect(cuts).to.be.greaterThan(100)
  })

  it('fails that without synced writes: the test sees it', function () {
    this.timeout(30_000)
    let failures = 0
    for (let seed = 1; seed <= 20; seed++) {
      try {
        live(new Random(seed), 8, { durableWritesAreNot: true })
      } catch {
        failures++
      }
    }
    expect(failures).to.be.greaterThan(10)
  })
})

describe('metadata log that refuses to vote', () => {
  /** A log of several commits, closed by a power cut; `spoil` damages its files. */
  function refusalAfter(
    spoil: (disk: MemoryDisk) => void,
    extra: Parameters<typeof open>[1] = {},
  ): ReturnType<typeof errorOf> {
    const disk = newDisk(1)
    const { log } = open(disk)
    for (let index = 1; index <= 6; index++) log.persist(work({ entries: [entry(index, 1)] }))
    log.saveSnapshot(snapshotAt(3, 1))
    for (let index = 7; index <= 9; index++) log.persist(work({ entries: [entry(index, 1)] }))
    disk.cutPower()
    disk.restart()
    spoil(disk)
    return errorOf(() => open(disk, extra))
  }
  const snapshotFile = `${folder}/snapshot-${'3'.padStart(20, '0')}`

  const rows: readonly (readonly [string, (disk: MemoryDisk) => void, RegExp])[] = [
    [
      'a damaged commit before a whole one',
      (disk) => disk.flipBit(journal, 8192 + 8 * 4096 + 70, 1),
      /raft\.journal: commit \d+ at ring byte \d+ can't be read, but commit \d+ after it can/,
    ],
    [
      'a damaged superblock, both copies',
      (disk) => {
        disk.flipBit(journal, 9, 1)
        disk.flipBit(journal, 4105, 1)
      },
      /raft\.journal: neither copy of its superblock/,
    ],
    ['a missing journal', (disk) => disk.remove(journal), /raft\.journal is missing, but snapshot-0*3 is there/],
    ['a missing snapshot', (disk) => disk.remove(snapshotFile), /snapshot-0*3 is missing/],
    ['a damaged snapshot', (disk) => disk.flipBit(snapshotFile, 60, 1), /snapshot-0*3: its checksum is wrong/],
  ]
  for (const [what, spoil, message] of rows) {
    it(`does so for ${what}`, () => {
      const error = refusalAfter(spoil)
      expect(error.name).to.equal('JOURNAL_DAMAGED')
      expect(error.message)
        .to.match(message)
        .and.match(/refuses to vote on metadata$/)
      expect(error.remedy).to.match(/^Restore \/data\/metadata /)
    })
  }

  it('does so for a missing folder when topics are there', () => {
    expect(errorOf(() => open(newDisk(1), { mustExist: true })).message).to.match(
      /missing, but the data folder holds topics/,
    )
  })

  it("does so for another cluster's or broker's journal", () => {
    expect(refusalAfter(() => undefined, { clusterId: 'd'.repeat(32) }).message).to.match(/belongs to cluster c{32}/)
    expect(refusalAfter(() => undefined, { brokerId: 5 }).message).to.match(/belongs to cluster .* broker 0/)
  })

  it('cuts a torn last commit, which nobody was answered', () => {
    const disk = newDisk(1)
    const { log } = open(disk)
    log.persist(work({ entries: [entry(1, 1)] }))
    log.persist(work({ entries: [entry(2, 1, 100)] }))
    disk.cutPower()
    disk.restart()
    disk.flipBit(journal, 8192 + 2 * 4096 + 100, 1)
    const { restored, wasTorn } = open(disk)
    expect(shown(restored)).to.equal('0/0: 1/1')
    expect(wasTorn).to.equal(true)
  })
})
