/**
 * What the metadata worker does with ticks, proposals and the end: one round after the other until nothing waits.
 * Runs on: the metadata worker. Touches: the node, the log, main's port.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { FromMetadata } from '../../native-free-core/metadata/metadata-control.js'
import type { MetadataCommand } from '../../native-free-core/metadata/metadata-command.js'
import type { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import type { MetadataNode } from '../../native-free-core/metadata/metadata-node.js'
import { systemErrorCode } from '../shared/disk.js'
import type { MetadataLog } from './metadata-log.js'

/** Entries in memory for brokers that lag a little; those that lag more get a snapshot. */
const keptEntries = 256
/** Beyond so many entries a restart would take long. */
const maxEntriesBetweenSnapshots = 4096

export class MetadataLoop {
  private readonly node: MetadataNode
  private readonly log: MetadataLog
  private readonly say: (message: FromMetadata) => void
  private published: MetadataImage | undefined
  private snapshotPausedAt = 0

  constructor(node: MetadataNode, log: MetadataLog, say: (message: FromMetadata) => void) {
    this.node = node
    this.log = log
    this.say = say
  }

  /** A command that is wrong by itself is answered at once; any other with the round that applies it. */
  propose(token: number, command: MetadataCommand): void {
    try {
      this.node.propose(token, command)
    } catch (error) {
      const { code, message } = StreamBusError.from(error)
      this.say({ kind: 'result', token, ok: false, code, message })
    }
  }

  tick(): void {
    this.node.tick()
    this.run()
  }

  /** Persists, applies and answers all that waits. Throws when the disk fails: nothing may be promised after that. */
  run(): void {
    for (let work = this.node.takeWork(); work !== undefined; work = this.node.takeWork()) {
      this.log.persist(work)
      this.node.finish()
      this.makeRoom()
    }
    this.publish()
    this.answer()
  }

  /** Answers what waits with SHUTTING_DOWN, and closes the log. */
  stop(): void {
    this.run()
    this.node.abandon()
    this.answer()
    this.log.close()
  }

  private makeRoom(): void {
    const { node, log } = this
    const isDue = log.isSnapshotDue || node.entriesSinceSnapshot > maxEntriesBetweenSnapshots
    if (isDue && node.entriesSinceSnapshot > 0 && node.appliedIndex >= this.snapshotPausedAt) this.snapshot()
    else if (log.isCrowded) log.moveUp()
  }

  /** A full disk does not stop metadata while the journal, which is allocated, has room. */
  private snapshot(): void {
    try {
      this.log.saveSnapshot(this.node.makeSnapshot())
      this.node.compact(keptEntries)
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOSPC' || this.log.isCrowded) throw error
      this.snapshotPausedAt = this.node.appliedIndex + 64
      const text = StreamBusError.from(error).message
      this.say({ kind: 'log', level: 'warn', message: `the metadata snapshot waits for room: ${text}` })
    }
  }

  private publish(): void {
    const { image } = this.node
    if (image === this.published || !(this.published !== undefined || this.node.isCaughtUp)) return
    const { version, clusterId } = image
    const shared = shareBytes(image.encode())
    if (this.published === undefined) this.say({ kind: 'ready', image: shared, version, clusterId })
    else this.say({ kind: 'image', image: shared, version })
    this.published = image
  }

  private answer(): void {
    for (const { token, result, version } of this.node.takeResults()) {
      if (result.ok) this.say({ kind: 'result', token, ok: true, value: result.value, version })
      else this.say({ kind: 'result', token, ok: false, code: result.code, message: result.message })
    }
  }
}

function shareBytes(bytes: Uint8Array): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(bytes.length)
  new Uint8Array(shared).set(bytes)
  return shared
}
