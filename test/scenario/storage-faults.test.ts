/**
 * The engine on a disk that loses power, dies in calls, and refuses: hundreds of seeded histories, and canaries.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { Settler } from '../../workers/shard/settler.js'
import { Journal } from '../../workers/shared/journal.js'
import { patch, patchGetter } from '../simulation/canaries.js'
import { Random, seedOfRun, withSeed } from '../support/random.js'
import { type HistoryOptions, StorageHistory } from '../simulation/storage-history.js'

const replay = 'npm run chaos:storage -- --histories 1 --seed'

function runOne(seed: number, options: HistoryOptions): void {
  withSeed(seed, `${replay} ${seed}`, (random) => new StorageHistory(random, options).run())
}

describe('storage on a disk that loses power', function () {
  this.timeout(120_000)

  it('loses nothing acknowledged, doubles nothing, keeps order, through hundreds of histories', () => {
    const seed = seedOfRun()
    for (let index = 0; index < 150; index++) runOne(seed + index, { lives: 4, steps: 150, errors: false })
  })

  it('does so when the disk refuses writes and syncs as well', () => {
    const seed = seedOfRun()
    for (let index = 0; index < 50; index++) {
      withSeed(seed + index, `${replay} ${seed + index} --errors`, (random) =>
        new StorageHistory(random, { lives: 4, steps: 150, errors: true }).run(),
      )
    }
  })

  it('does so with many short segments and retention, which removes them', () => {
    const seed = seedOfRun()
    for (let index = 0; index < 40; index++) {
      const flags = index % 2 === 0 ? '--segments' : '--segments --errors'
      withSeed(seed + index, `${replay} ${seed + index} ${flags}`, (random) =>
        new StorageHistory(random, { lives: 4, steps: 150, errors: index % 2 === 1, shortSegments: true }).run(),
      )
    }
  })

  it('does so with topics made, deleted and forgotten all the time', () => {
    const seed = seedOfRun()
    let forgottenCount = 0
    for (let index = 0; index < 40; index++) {
      const errors = index % 4 === 3
      withSeed(seed + index, `${replay} ${seed + index} --churn${errors ? ' --errors' : ''}`, (random) => {
        const history = new StorageHistory(random, { lives: 4, steps: 150, errors, churn: true })
        history.run()
        forgottenCount += history.forgottenCount
      })
    }
    expect(forgottenCount, 'topics that were forgotten').to.be.above(20)
  })

  it('does so in the histories that once failed', () => {
    // From before whole file systems were synced.
    const faults = { lives: 4, steps: 150, errors: false, remembersAll: true, disk: { hasNoWholeSync: true } }
    // Synced acknowledgements on top of records that were in the page cache only; a first segment lost before a second.
    // A deleted topic's sync, reported late, put a file of the topic made anew in place before its bytes were synced.
    for (const seed of [532652874, 1001327, 540175824]) runOne(seed, faults)
    // A power cut that undid some of the removals, retention that took too much, an answer that was in memory only.
    for (const seed of [28, 33, 125, 191]) runOne(seed, { ...faults, shortSegments: true })
    for (const seed of [134, 4002169]) runOne(seed, { ...faults, errors: true, shortSegments: true })
  })

  it('is seen to lose when durable writes are not durable', () => {
    expect(historiesUntilLoss({ durableWritesAreNot: true })).to.be.at.most(50)
  })

  it('is seen to lose when folders are not synced', () => {
    expect(historiesUntilLoss({ folderSyncsAreNot: true })).to.be.at.most(50)
  })

  it('is seen to lose when syncs of the whole file system do nothing', () => {
    expect(historiesUntilLoss({ wholeSyncsAreNot: true })).to.be.at.most(50)
  })

  it('is seen to lose when a failed sync of the whole file system counts as done', () => {
    expect(historiesUntilLoss({ wholeSyncErrorsAreUntold: true }, { errors: true })).to.be.at.most(50)
  })

  it('refuses a journal whose topics were forgotten while it names them', () => {
    const takeOut = patchGetter(Journal.prototype, 'forgottenPosition', function (this: Journal) {
      return this.committedPosition
    })
    try {
      expect(historiesUntilLoss({}, { churn: true })).to.be.at.most(20)
    } finally {
      takeOut()
    }
  })

  it('is seen to leave folders that nobody knows when their renaming is not synced', () => {
    const takeOut = patch(Settler.prototype, 'touchFolder', () => () => undefined)
    try {
      expect(historiesUntilLoss({}, { churn: true })).to.be.at.most(50)
    } finally {
      takeOut()
    }
  })

  /** How many histories it takes until one loses something; infinity when none of 50 does. */
  function historiesUntilLoss(disk: NonNullable<HistoryOptions['disk']>, more: Partial<HistoryOptions> = {}): number {
    for (let count = 1; count <= 50; count++) {
      try {
        new StorageHistory(new Random(count), { lives: 4, steps: 150, errors: false, disk, ...more }).run()
      } catch {
        return count
      }
    }
    return Number.POSITIVE_INFINITY
  }
})
