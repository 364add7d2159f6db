/**
 * The scrubber over a folder that changes under it, and over files that can't be read.
 * Runs on: the test process, on a disk in memory.
 */
import { expect } from 'chai'
import { scrub, type ScrubReport } from '../../../workers/jobs/scrub.js'
import type { SegmentedLog } from '../../../workers/shared/segmented-log/segmented-log.js'
import { appendSingles, fileBytes, logFolder, newLog } from '../../support/log-fixture.js'
import { type Fault, MemoryDisk, type Operation } from '../../support/memory-disk.js'
import { Random } from '../../support/random.js'

describe('the scrubber', () => {
  let disk: MemoryDisk
  let log: SegmentedLog
  let segmentCount: number
  let before: (operation: Operation, path: string) => Fault

  beforeEach(() => {
    before = () => undefined
    disk = new MemoryDisk({ random: new Random(1), fault: (operation, path) => before(operation, path) })
    log = newLog(disk)
    appendSingles(log, 100)
    log.syncAll()
    segmentCount = log.segmentCount - 1
    expect(segmentCount).to.be.at.least(3)
  })

  const run = (): ScrubReport => scrub(disk, '', Number.POSITIVE_INFINITY)
  const pathOf = (baseOffset: number, kind = 'log'): string =>
    `${logFolder}/${String(baseOffset).padStart(20, '0')}.${kind}`

  /** Does `act` before the call that `when` names, once. */
  function once(when: (operation: Operation, path: string) => boolean, act: () => void): void {
    before = (operation, path) => {
      if (!when(operation, path)) return undefined
      before = () => undefined
      act()
      return undefined
    }
  }

  function removeFirst(): void {
    log.deleteRecordsUpTo(secondBase())
    log.syncAll()
    expect(disk.exists(pathOf(0))).to.equal(false)
  }

  function secondBase(): number {
    const bases = disk
      .list(logFolder)
      .filter((name) => name.endsWith('.log'))
      .map((name) => Number.parseInt(name, 10))
    return bases[1]!
  }

  it('finds nothing in a sound folder', () => {
    const { segments, damages } = run()
    expect({ segments, damages }).to.deep.equal({ segments: segmentCount, damages: [] })
  })

  it('goes on with the next segment when retention removes one under it, at whatever moment', () => {
    const moments: readonly (readonly [Operation, string])[] = [
      ['open', pathOf(0, 'index')],
      ['read', pathOf(0, 'index')],
      ['open', pathOf(0, 'timeindex')],
      ['open', pathOf(0)],
      ['read', pathOf(0)],
    ]
    for (const [at, where] of moments) {
      disk = new MemoryDisk({ random: new Random(1), fault: (operation, path) => before(operation, path) })
      log = newLog(disk)
      appendSingles(log, 100)
      log.syncAll()
      once((operation, path) => operation === at && path === where, removeFirst)
      const { segments, damages } = run()
      expect(damages, `${at} ${where}`).to.deep.equal([])
      expect(segments, `${at} ${where}`).to.be.within(segmentCount - 1, segmentCount)
    }
  })

  it('goes on with the next topic when one is deleted under it', () => {
    const other = '/topics/u-0'
    disk.makeFolder(other)
    for (const name of disk.list(logFolder)) {
      const file = disk.open(`${other}/${name}`, 'create')
      disk.write(file, fileBytes(disk, `${logFolder}/${name}`), 0)
      disk.close(file)
    }
    once(
      (operation, path) => operation === 'open' && path === pathOf(0),
      () => disk.rename(logFolder, `${logFolder}.abc-deleted`),
    )
    const { segments, damages } = run()
    expect({ segments, damages }).to.deep.equal({ segments: segmentCount, damages: [] })
  })

  it('takes no topic made anew under the name for damage of the one before', () => {
    once(
      (operation, path) => operation === 'open' && path === pathOf(0, 'index'),
      () => {
        disk.rename(logFolder, `${logFolder}.abc-deleted`)
        appendSingles(newLog(disk), 3)
      },
    )
    expect(run().damages).to.deep.equal([])
  })

  it('tells of an index that is missing beside its segment, and goes on', () => {
    disk.remove(pathOf(0, 'timeindex'))
    const { segments, damages } = run()
    expect(segments).to.equal(segmentCount)
    expect(damages.map(({ path, what }) => [path, what])).to.deep.equal([[pathOf(0, 'timeindex'), 'is missing']])
  })

  it('tells of a segment that the disk refuses to read, and goes on', () => {
    before = (operation, path) => (operation === 'read' && path === pathOf(0) ? 'EIO' : undefined)
    const { segments, damages } = run()
    expect(segments).to.equal(segmentCount)
    expect(damages).to.have.lengthOf(1)
    expect(damages[0]!.path).to.equal(pathOf(0))
    expect(damages[0]!.what).to.match(/^can't be read: .*EIO/)
  })
})
