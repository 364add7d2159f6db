/**
 * Folders of partitions that another shard moves away, and removes, at any moment.
 * Runs on: the test process, on a disk in memory.
 */
import { expect } from 'chai'
import { topicConfigOf } from '../../../native-free-core/config/topic-config.js'
import { PartitionFolders } from '../../../workers/shared/partition-folders.js'
import { type Fault, MemoryDisk, type Operation } from '../../support/memory-disk.js'
import { Random } from '../../support/random.js'

const oldTopic = 'a1'.repeat(16)
const newTopic = 'b2'.repeat(16)
const path = '/topics/t-0/partition.metadata'

describe('partition folders', () => {
  let disk: MemoryDisk
  let before: (operation: Operation, path: string) => Fault
  let folders: PartitionFolders
  let other: PartitionFolders

  beforeEach(() => {
    before = () => undefined
    disk = new MemoryDisk({ random: new Random(1), fault: (operation, at) => before(operation, at) })
    disk.makeFolder('/topics')
    folders = new PartitionFolders(disk, '/topics')
    other = new PartitionFolders(disk, '/topics')
    other.openOrCreate(oldTopic, 't', 0, topicConfigOf({}), undefined).close()
  })

  /** Another shard moves the deleted topic's folder away when this one is about to read whose it is. */
  function moveAwayAtOpen(): void {
    before = (operation, at) => {
      if (operation !== 'open' || at !== path) return undefined
      before = () => undefined
      other.markDeleted(oldTopic, 't', 0)
      return undefined
    }
  }

  it('have no owner once they are moved away, at whatever moment', () => {
    expect(folders.ownerOfFolder('t', 0)).to.equal(oldTopic)
    moveAwayAtOpen()
    expect(folders.ownerOfFolder('t', 0)).to.equal(undefined)
  })

  it('leave their place to the topic made anew', () => {
    moveAwayAtOpen()
    folders.openOrCreate(newTopic, 't', 0, topicConfigOf({}), undefined).close()
    expect(folders.ownerOfFolder('t', 0)).to.equal(newTopic)
  })

  it('are no free place when the disk refuses to tell', () => {
    before = (operation, at) => (operation === 'open' && at === path ? 'EIO' : undefined)
    expect(() => folders.ownerOfFolder('t', 0)).to.throw(/EIO/)
  })
})
