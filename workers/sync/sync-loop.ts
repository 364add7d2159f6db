/**
 * Does what may wait for the disk on behalf of the shards: syncs, renames, zeros ahead of the journals. Many syncs that
 * wait together become one of the file system (many-files), where that is certain.
 * Runs on: sync worker. Touches: files through Disk, the shards' mailboxes.
 * Only this thread syncs segments: Linux reports a write-back error once per open file, so one thread must see it.
 */
import { decodeUtf8 } from '../../native-free-core/bytes/utf8.js'
import { assert } from '../../native-free-core/errors/assert.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { SyncReply, SyncRequest, SyncType } from '../../native-free-core/mailbox/sync-frames.js'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'
import { RingConsumer, RingProducer } from '../../native-free-core/ring/ring.js'
import { type Disk, systemErrno, systemErrorCode } from '../shared/disk.js'
import { fillWithZeros } from '../shared/journal-file.js'
import { publishFile } from '../shared/publish-file.js'
import { ManyFiles, type ManyFilesOptions } from './many-files.js'

export interface SyncMailbox {
  readonly requests: SharedArrayBuffer
  readonly replies: SharedArrayBuffer
  readonly shardDoorbell: SharedArrayBuffer
}

/** A file or folder that a shard asked to be synced. */
interface SyncErrand {
  readonly token: number
  readonly type: number
  readonly path: string
}

/** So many are taken out of a mailbox at a time. */
const mostErrands = 4096

export class SyncLoop {
  private readonly disk: Disk
  private readonly manyFiles: ManyFiles
  private readonly ports: readonly SyncPortAdapter[]

  constructor(disk: Disk, mailboxes: readonly SyncMailbox[], options: Omit<ManyFilesOptions, 'disk'>) {
    this.disk = disk
    this.manyFiles = new ManyFiles({ ...options, disk })
    this.ports = mailboxes.map((mailbox) => new SyncPortAdapter(mailbox))
  }

  /** True: all of it is on the medium. */
  syncMany(paths: readonly string[]): boolean {
    return this.manyFiles.sync(paths)
  }

  hasWork(): boolean {
    return this.ports.some((port) => port.hasWork())
  }

  /** One request of each shard in turn, or many at once. Returns how many were done. */
  step(): number {
    let count = 0
    for (const port of this.ports) count += this.stepPort(port)
    return count
  }

  private stepPort(port: SyncPortAdapter): number {
    const { errands, requests } = port
    const isOtherNext = port.takeErrands()
    if (errands.length > 0 && this.manyFiles.sync(errands.map(({ path }) => path))) {
      for (const { token } of errands) port.answer(token, done)
      return errands.splice(0).length
    }
    const errand = errands.shift()
    if (errand !== undefined) {
      port.answer(
        errand.token,
        attempt(() => this.syncIfThere(errand)),
      )
      return 1
    }
    // What has come since is not looked at: it may be an errand.
    if (!isOtherNext) return 0
    requests.next()
    const token = port.token
    const outcome = attempt(() => this.execute(requests))
    requests.release()
    port.answer(token, outcome)
    return 1
  }

  private execute(requests: RingConsumer): void {
    if (requests.type === SyncType.publish) return publishFile(this.disk, pathIn(requests))
    assert(requests.type === SyncType.fill, 'the sync thread takes a request for one of another kind')
    const at = requests.bodyPosition
    const file = requests.view.getUint32(at + SyncRequest.fileAt, true)
    fillWithZeros(
      this.disk,
      file,
      requests.view.getFloat64(at + SyncRequest.startAt, true),
      requests.view.getFloat64(at + SyncRequest.endAt, true),
    )
    this.disk.sync(file)
  }

  /** Retention or a deleted topic may have been faster, or be so just now: what is gone needs no sync. */
  private syncIfThere(errand: SyncErrand): void {
    if (!this.disk.exists(errand.path)) return
    try {
      this.syncPath(errand)
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error
    }
  }

  private syncPath({ type, path }: SyncErrand): void {
    if (type === SyncType.folder) return this.disk.syncFolder(path)
    const file = this.disk.open(path, 'read-write')
    try {
      this.disk.sync(file)
    } finally {
      this.disk.close(file)
    }
  }
}

interface Outcome {
  /** 0: done. */
  readonly code: number
  readonly errno: number
}

const done: Outcome = { code: 0, errno: 0 }

function attempt(act: () => void): Outcome {
  try {
    act()
    return done
  } catch (error) {
    return { code: StreamBusError.from(error).code, errno: systemErrno(error) }
  }
}

function pathIn({ view, bytes, bodyPosition: at }: RingConsumer): string {
  const length = view.getUint32(at + SyncRequest.pathLengthAt, true)
  return decodeUtf8(bytes, at + SyncRequest.pathAt, at + SyncRequest.pathAt + length)
}

class SyncPortAdapter {
  readonly requests: RingConsumer
  /** Taken out of the ring, not done yet; older than anything in the ring. */
  readonly errands: SyncErrand[] = []
  private readonly replies: RingProducer
  private readonly doorbell: Doorbell

  constructor(mailbox: SyncMailbox) {
    this.requests = new RingConsumer(mailbox.requests)
    this.replies = new RingProducer(mailbox.replies)
    this.doorbell = new Doorbell(mailbox.shardDoorbell)
  }

  hasWork(): boolean {
    return this.errands.length > 0 || !this.requests.isEmpty()
  }

  /** Of the request that the ring stands on. */
  get token(): number {
    return this.requests.view.getUint32(this.requests.bodyPosition + SyncRequest.tokenAt, true)
  }

  /** Takes syncs of files and folders out of the ring, up to a request of another kind; true: one is next in it. */
  takeErrands(): boolean {
    const { requests, errands } = this
    while (errands.length < mostErrands && requests.next()) {
      const { type } = requests
      if (type !== SyncType.file && type !== SyncType.folder) {
        requests.retry()
        return true
      }
      errands.push({ token: this.token, type, path: pathIn(requests) })
      requests.release()
    }
    return false
  }

  /**
   * Replies are smaller than requests, the rings are of one size, and a shard takes its replies before it asks for
   * more: there is always room.
   */
  answer(token: number, { code, errno }: Outcome): void {
    const at = this.replies.claim(1, SyncReply.sizeBytes)
    if (at < 0) throw new StreamBusError('UNKNOWN_SERVER_ERROR', 'the sync reply ring is full')
    this.replies.view.setUint32(at + SyncReply.tokenAt, token, true)
    this.replies.view.setInt32(at + SyncReply.errorAt, code, true)
    this.replies.view.setUint32(at + SyncReply.errnoAt, errno, true)
    this.replies.publish()
    this.doorbell.ring()
  }
}
