/**
 * Does what may wait for the disk on behalf of the shards: syncs, renames, zeros ahead of the journals.
 * Runs on: sync worker. Touches: files through Disk, the shards' mailboxes.
 * Only this thread syncs segments: Linux reports a write-back error once per open file, so one thread must see it.
 */
import { decodeUtf8 } from '../../native-free-core/bytes/utf8.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { SyncReply, SyncRequest, SyncType } from '../../native-free-core/mailbox/sync-frames.js'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'
import { RingConsumer, RingProducer } from '../../native-free-core/ring/ring.js'
import { type Disk, systemErrorCode } from '../shared/disk.js'
import { fillWithZeros } from '../shared/journal-file.js'
import { publishFile } from '../shared/publish-file.js'

export interface SyncMailbox {
  readonly requests: SharedArrayBuffer
  readonly replies: SharedArrayBuffer
  readonly shardDoorbell: SharedArrayBuffer
}

export class SyncLoop {
  private readonly disk: Disk
  private readonly ports: readonly SyncPortAdapter[]

  constructor(disk: Disk, mailboxes: readonly SyncMailbox[]) {
    this.disk = disk
    this.ports = mailboxes.map((mailbox) => new SyncPortAdapter(mailbox))
  }

  hasWork(): boolean {
    return this.ports.some((port) => !port.requests.isEmpty())
  }

  /** One request of each shard in turn. Returns how many were done. */
  step(): number {
    let count = 0
    for (const port of this.ports) {
      if (!port.requests.next()) continue
      port.answer(this.attempt(port.requests))
      count++
    }
    return count
  }

  private attempt(requests: RingConsumer): number {
    try {
      this.execute(requests)
      return 0
    } catch (error) {
      return StreamBusError.from(error).code
    }
  }

  private execute(requests: RingConsumer): void {
    const at = requests.bodyPosition
    if (requests.type === SyncType.fill) {
      const file = requests.view.getUint32(at + SyncRequest.fileAt, true)
      fillWithZeros(
        this.disk,
        file,
        requests.view.getFloat64(at + SyncRequest.startAt, true),
        requests.view.getFloat64(at + SyncRequest.endAt, true),
      )
      this.disk.sync(file)
      return
    }
    const pathLength = requests.view.getUint32(at + SyncRequest.pathLengthAt, true)
    const path = decodeUtf8(requests.bytes, at + SyncRequest.pathAt, at + SyncRequest.pathAt + pathLength)
    if (requests.type === SyncType.publish) publishFile(this.disk, path)
    else this.syncIfThere(requests.type, path)
  }

  /** Retention or a deleted topic may have been faster, or be so just now: what is gone needs no sync. */
  private syncIfThere(type: number, path: string): void {
    if (!this.disk.exists(path)) return
    try {
      this.syncPath(type, path)
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error
    }
  }

  private syncPath(type: number, path: string): void {
    if (type === SyncType.folder) return this.disk.syncFolder(path)
    const file = this.disk.open(path, 'read-write')
    try {
      this.disk.sync(file)
    } finally {
      this.disk.close(file)
    }
  }
}

class SyncPortAdapter {
  readonly requests: RingConsumer
  private readonly replies: RingProducer
  private readonly doorbell: Doorbell

  constructor(mailbox: SyncMailbox) {
    this.requests = new RingConsumer(mailbox.requests)
    this.replies = new RingProducer(mailbox.replies)
    this.doorbell = new Doorbell(mailbox.shardDoorbell)
  }

  /** Replies are smaller than requests and the rings are of one size: there is always room. */
  answer(code: number): void {
    const token = this.requests.view.getUint32(this.requests.bodyPosition + SyncRequest.tokenAt, true)
    this.requests.release()
    const at = this.replies.claim(1, SyncReply.sizeBytes)
    if (at < 0) throw new StreamBusError('UNKNOWN_SERVER_ERROR', 'the sync reply ring is full')
    this.replies.view.setUint32(at + SyncReply.tokenAt, token, true)
    this.replies.view.setInt32(at + SyncReply.errorAt, code, true)
    this.replies.publish()
    this.doorbell.ring()
  }
}
