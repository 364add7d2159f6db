/**
 * Small files that are replaced as a whole: which of several appears, and that nothing is remembered of what is there.
 * Runs on: the test process, on a disk in memory.
 */
import { expect } from 'chai'
import { ReplacedFiles } from '../../../workers/shared/segmented-log/replaced-files.js'
import { SyncList } from '../../../workers/shared/segmented-log/sync-list.js'
import { contents, logFolder, memoryDisk } from '../../support/log-fixture.js'

describe('files that are replaced', () => {
  function setUp() {
    const disk = memoryDisk()
    disk.makeFolder(logFolder)
    const syncs = new SyncList()
    const files = new ReplacedFiles(disk, logFolder, syncs)
    const bytes = (text: string) => new TextEncoder().encode(text)
    // What is remembered shows nowhere but in the memory that it takes.
    return { disk, syncs, files, bytes, remembered: files as unknown as { latest: Map<string, number> } }
  }

  it('are forgotten when they are there: each snapshot has a name of its own', () => {
    const { syncs, files, bytes, remembered } = setUp()
    for (let count = 0; count < 100; count++) {
      files.replace(`${count}.snapshot`, bytes('x'))
      for (const work of syncs.take()) syncs.synced(work)
    }
    expect(remembered.latest.size).to.equal(0)
  })

  it('appear as the newest says, in whatever order the syncs are reported', () => {
    const { disk, syncs, files, bytes, remembered } = setUp()
    files.replace('a', bytes('old'))
    const [older] = syncs.take()
    files.replace('a', bytes('new'))
    const [newer] = syncs.take()
    syncs.synced(newer!)
    syncs.synced(older!)
    expect(contents(disk, /^a/)).to.deep.equal({ a: Buffer.from('new').toString('hex') })
    expect(remembered.latest.size).to.equal(0)
  })
})
