/**
 * The read thread's open files: none that is removed, and none for longer than somebody reads it.
 * Runs on: the test process, on a disk in memory.
 */
import { expect } from 'chai'
import { brokerConfigOf } from '../../../native-free-core/config/broker-config.js'
import {
  ColdReadReply,
  ColdReadRequest,
  errorCodeAt,
  partitionIdAt,
  RequestType,
} from '../../../native-free-core/mailbox/shard-frames.js'
import { createDoorbell } from '../../../native-free-core/ring/doorbell.js'
import { createRing, RingConsumer, RingProducer } from '../../../native-free-core/ring/ring.js'
import { ReadThread } from '../../../workers/read/read-thread.js'
import { appendSingles, logFolder, newLog } from '../../support/log-fixture.js'
import { MemoryDisk } from '../../support/memory-disk.js'
import { Random } from '../../support/random.js'

class CountingDisk extends MemoryDisk {
  readonly opened = new Map<number, string>()

  override open(...args: Parameters<MemoryDisk['open']>): number {
    const file = super.open(...args)
    this.opened.set(file, args[0])
    return file
  }

  override close(file: number): void {
    super.close(file)
    this.opened.delete(file)
  }
}

describe('the read thread', () => {
  let disk: CountingDisk
  let nowMs: number
  let thread: ReadThread
  let requests: RingProducer
  let replies: RingConsumer
  let paths: string[]

  beforeEach(() => {
    disk = new CountingDisk({ random: new Random(1) })
    const log = newLog(disk)
    appendSingles(log, 100)
    log.close()
    expect([...disk.opened.values()]).to.deep.equal([])
    const names = disk.list(logFolder).filter((name) => name.endsWith('.log'))
    paths = names.map((name) => `${logFolder}/${name}`)
    expect(paths).to.have.length.at.least(4)
    const pair = { requests: createRing(65_536), replies: createRing(65_536), doorbell: createDoorbell() }
    requests = new RingProducer(pair.requests)
    replies = new RingConsumer(pair.replies)
    nowMs = 1000
    thread = new ReadThread(
      {
        kind: 'read',
        config: brokerConfigOf({}),
        dataFolder: '/',
        clusterId: '',
        diskModule: undefined,
        doorbell: createDoorbell(),
        frontEnds: [pair],
      },
      disk,
      { say: () => undefined, receive: () => undefined },
      () => nowMs,
    )
  })

  /** The error code. */
  function read(path: string, partitionId = 1): number {
    const bytes = new TextEncoder().encode(path)
    const at = requests.claim(RequestType.coldRead, ColdReadRequest.pathAt + bytes.length)
    const { view } = requests
    view.setUint32(at + partitionIdAt, partitionId, true)
    view.setUint32(at + ColdReadRequest.maxBytesAt, 1000, true)
    view.setUint32(at + ColdReadRequest.pathLengthAt, bytes.length, true)
    view.setFloat64(at + ColdReadRequest.limitAt, disk.sizeOf(path), true)
    view.setFloat64(at + ColdReadRequest.offsetAt, Number.parseInt(path.slice(logFolder.length + 1), 10), true)
    view.setFloat64(at + ColdReadRequest.highWatermarkAt, 100, true)
    requests.bytes.set(bytes, at + ColdReadRequest.pathAt)
    requests.publish()
    expect(thread.step()).to.equal(0)
    expect(replies.next()).to.equal(true)
    const code = replies.view.getInt32(replies.bodyPosition + errorCodeAt, true)
    expect(replies.view.getUint32(replies.bodyPosition + ColdReadReply.lengthAt, true)).to.be.at.least(1)
    replies.release()
    return code
  }

  const openPaths = (): string[] => [...disk.opened.values()]

  /** As the thread does: sleeps as long as it may. Ends when it has nothing left to wait for, or after `lastMs`. */
  function sleepThrough(lastMs: number): number {
    const endMs = nowMs + lastMs
    for (;;) {
      const sleepMs = thread.step()
      if (nowMs + sleepMs > endMs) return sleepMs
      nowMs += sleepMs
    }
  }

  it('closes a segment that was removed, soon, though others are read all the time', () => {
    expect([read(paths[0]!), read(paths[1]!)]).to.deep.equal([0, 0])
    expect(openPaths()).to.deep.equal(paths.slice(0, 2))
    disk.rename(paths[0]!, `${paths[0]}.deleted`)
    for (const endMs = nowMs + 3000; nowMs < endMs; nowMs += 10) read(paths[1]!)
    expect(openPaths()).to.deep.equal([paths[1]])
  })

  it('closes what nobody reads any more, and then sleeps until somebody asks', () => {
    for (const path of paths) read(path)
    expect(openPaths()).to.deep.equal(paths)
    expect(sleepThrough(10_000)).to.equal(Number.POSITIVE_INFINITY)
    expect(openPaths()).to.deep.equal([])
    expect(read(paths[0]!)).to.equal(0)
  })

  it('keeps what is read now and then', () => {
    let opens = 0
    const { open } = disk
    disk.open = (path, mode) => {
      if (path.endsWith('.log')) opens++
      return open.call(disk, path, mode)
    }
    for (let count = 0; count < 20; count++) {
      read(paths[0]!)
      sleepThrough(1000)
      nowMs += 1000
    }
    expect(opens).to.equal(1)
  })

  it('closes the file of a topic that was deleted and made anew under the name', () => {
    read(paths[0]!, 1)
    read(paths[0]!, 2)
    expect(openPaths()).to.have.lengthOf(2)
    for (const endMs = nowMs + 6000; nowMs < endMs; nowMs += 10) read(paths[0]!, 2)
    expect(openPaths()).to.have.lengthOf(1)
  })
})
