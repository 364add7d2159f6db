/**
 * The sync thread's loop over a disk that changes under it.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { errorTable } from '../../../native-free-core/errors/error-table.js'
import { syncRingBytes } from '../../../native-free-core/mailbox/sync-frames.js'
import { createDoorbell } from '../../../native-free-core/ring/doorbell.js'
import { createRing, RingConsumer } from '../../../native-free-core/ring/ring.js'
import { SyncPort } from '../../../workers/shard/sync-port.js'
import { SyncLoop } from '../../../workers/sync/sync-loop.js'
import { type Fault, MemoryDisk, type Operation } from '../../support/memory-disk.js'
import { Random } from '../../support/random.js'

describe('sync loop', () => {
  let disk: MemoryDisk
  let before: (operation: Operation, path: string) => Fault
  let port: SyncPort
  let loop: SyncLoop

  beforeEach(() => {
    before = () => undefined
    disk = new MemoryDisk({ random: new Random(1), fault: (operation, path) => before(operation, path) })
    disk.makeFolder('/topics/a-0')
    disk.close(disk.open('/topics/a-0/0.log', 'create'))
    const [requests, replies, doorbell] = [createRing(syncRingBytes), createRing(syncRingBytes), createDoorbell()]
    port = new SyncPort(requests, replies, doorbell, () => undefined)
    const manyFiles = { folder: '/', isAllowed: false, fromCount: 1, clock: () => 0 }
    loop = new SyncLoop(disk, [{ requests, replies, shardDoorbell: createDoorbell() }], manyFiles)
  })

  function sync(kind: 'file' | 'folder', path: string): number {
    let result = -1
    port.sync({ kind, path })
    loop.step()
    port.drain((_, code) => (result = code))
    return result
  }

  /** As when a topic is deleted on a shard's thread at that very moment. */
  function moveAwayAt(operation: Operation): void {
    before = (called) => {
      if (called !== operation) return undefined
      before = () => undefined
      disk.rename('/topics/a-0', '/topics/a-0.deleted')
      return undefined
    }
  }

  it('has nothing to do for what is gone before it looks', () => {
    expect(sync('folder', '/topics/b-0')).to.equal(0)
    expect(sync('file', '/topics/b-0/0.log')).to.equal(0)
  })

  it('takes no harm from a topic that is deleted between its look and its sync', () => {
    moveAwayAt('sync folder')
    expect(sync('folder', '/topics/a-0')).to.equal(0)
    expect(disk.exists('/topics/a-0.deleted')).to.equal(true)
  })

  it('nor does a file, which is opened first', () => {
    moveAwayAt('open')
    expect(sync('file', '/topics/a-0/0.log')).to.equal(0)
  })

  it('tells of a sync that failed', () => {
    before = (operation) => (operation === 'sync' ? 'EIO' : undefined)
    expect(sync('file', '/topics/a-0/0.log')).to.equal(errorTable.KAFKA_STORAGE_ERROR.code)
  })
  it('syncs the file that is asked for just after it has looked for some', () => {
    const operations: string[] = []
    before = (operation, path) => {
      operations.push(`${operation} ${path}`)
      return undefined
    }
    whenFoundEmpty(
      () => port.sync({ kind: 'file', path: '/topics/a-0/0.log' }),
      () => loop.step(),
    )
    while (loop.hasWork()) loop.step()
    let result = -1
    port.drain((_, code) => (result = code))
    expect(result).to.equal(0)
    expect(operations).to.deep.equal(['open /topics/a-0/0.log', 'sync /topics/a-0/0.log'])
  })
})

/** Runs `act`, in which another thread does `arrive` right after a ring was found empty for the first time. */
function whenFoundEmpty(arrive: () => void, act: () => void): void {
  const { isEmpty } = RingConsumer.prototype
  let hasArrived = false
  RingConsumer.prototype.isEmpty = function (this: RingConsumer): boolean {
    const answer = isEmpty.call(this)
    if (!answer || hasArrived) return answer
    hasArrived = true
    arrive()
    return answer
  }
  try {
    act()
  } finally {
    RingConsumer.prototype.isEmpty = isEmpty
  }
}
