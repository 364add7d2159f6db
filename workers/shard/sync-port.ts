/**
 * The shard's end of its mailbox to the sync thread: hands out syncs, learns which are done.
 * Runs on: shard worker. Touches: its two rings, the sync thread's doorbell.
 */
import { encodeUtf8 } from '../../native-free-core/bytes/utf8.js'
import { SyncReply, SyncRequest, SyncType } from '../../native-free-core/mailbox/sync-frames.js'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'
import { RingConsumer, RingProducer } from '../../native-free-core/ring/ring.js'
import type { FileHandle } from '../shared/disk.js'
import type { SyncWork } from '../shared/segmented-log/sync-list.js'

export class SyncPort {
  private readonly requests: RingProducer
  private readonly replies: RingConsumer
  private readonly doorbell: Doorbell
  private nextToken = 1
  private readonly onFirst: () => void
  /** What was asked for and when, by token. */
  private readonly asked = new Map<number, { readonly type: number; readonly atMs: number }>()
  /** Hears how long each errand took, its wait for others included. */
  onTimed: ((type: number, durationMs: number) => void) | undefined
  /** Requests that are not answered yet. */
  inFlight = 0

  /** `onFirst` is called with the first errand: the thread is started only when there is work for it. */
  constructor(
    requests: SharedArrayBuffer,
    replies: SharedArrayBuffer,
    doorbell: SharedArrayBuffer,
    onFirst: () => void,
  ) {
    this.onFirst = onFirst
    this.requests = new RingProducer(requests)
    this.replies = new RingConsumer(replies)
    this.doorbell = new Doorbell(doorbell)
  }

  /** Asks for a file's data or a folder's names to be synced. Returns the token, or 0 when the mailbox is full. */
  sync(work: SyncWork): number {
    return this.sendPath(work.kind === 'file' ? SyncType.file : SyncType.folder, work.path)
  }

  /** Syncs `path`.new, renames it to `path`, syncs the folder. */
  publish(path: string): number {
    return this.sendPath(SyncType.publish, path)
  }

  /** Fills [start, end) of the ring in the journal file behind `file` with zeros, and syncs. */
  fill(file: FileHandle, start: number, end: number): number {
    const at = this.requests.claim(SyncType.fill, SyncRequest.fillBytes)
    if (at < 0) return 0
    const view = this.requests.view
    view.setUint32(at + SyncRequest.fileAt, file, true)
    view.setUint32(at + SyncRequest.pathLengthAt, 0, true)
    view.setFloat64(at + SyncRequest.startAt, start, true)
    view.setFloat64(at + SyncRequest.endAt, end, true)
    return this.send(SyncType.fill, at)
  }

  private sendPath(type: number, path: string): number {
    const bytes = encodeUtf8(path)
    const at = this.requests.claim(type, SyncRequest.pathAt + bytes.length)
    if (at < 0) return 0
    this.requests.view.setUint32(at + SyncRequest.fileAt, 0, true)
    this.requests.view.setUint32(at + SyncRequest.pathLengthAt, bytes.length, true)
    this.requests.bytes.set(bytes, at + SyncRequest.pathAt)
    return this.send(type, at)
  }

  private send(type: number, at: number): number {
    const token = this.nextToken++
    if (token === 1) this.onFirst()
    this.requests.view.setUint32(at + SyncRequest.tokenAt, token, true)
    this.requests.publish()
    this.asked.set(token, { type, atMs: performance.now() })
    this.inFlight++
    this.doorbell.ring()
    return token
  }

  hasReplies(): boolean {
    return !this.replies.isEmpty()
  }

  /** Calls `onDone` for each answer: its token, error code (0: done) and errno. Returns how many there were. */
  drain(onDone: (token: number, code: number, errno: number) => void): number {
    let count = 0
    while (this.replies.next()) {
      const token = this.replies.view.getUint32(this.replies.bodyPosition + SyncReply.tokenAt, true)
      const code = this.replies.view.getInt32(this.replies.bodyPosition + SyncReply.errorAt, true)
      const errno = this.replies.view.getUint32(this.replies.bodyPosition + SyncReply.errnoAt, true)
      this.replies.release()
      this.inFlight--
      count++
      this.tellTime(token)
      onDone(token, code, errno)
    }
    return count
  }

  private tellTime(token: number): void {
    const asked = this.asked.get(token)
    if (asked === undefined) return
    this.asked.delete(token)
    this.onTimed?.(asked.type, performance.now() - asked.atMs)
  }
}
