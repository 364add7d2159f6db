/**
 * What the sync worker's thread does, a step at a time: recovers the data folder when it is told to, then syncs for
 * the shards. Only the sleep between steps is not in here.
 * Runs on: sync worker. Touches: journals and segments at recovery; later what the shards ask it to sync.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import type { FromSync, SyncSettings, ToSync } from '../../native-free-core/mailbox/control.js'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'
import type { Disk } from '../shared/disk.js'
import { recoverDataFolder } from '../shared/recovery.js'
import { ended, type ThreadPort } from '../shared/thread-port.js'
import { defaultManyFiles } from './many-files.js'
import { SyncLoop } from './sync-loop.js'

export class SyncThread {
  readonly doorbell: Doorbell
  private readonly settings: SyncSettings
  private readonly disk: Disk
  private readonly port: ThreadPort<ToSync, FromSync>
  private readonly loop: SyncLoop

  constructor(settings: SyncSettings, disk: Disk, port: ThreadPort<ToSync, FromSync>) {
    this.settings = settings
    this.disk = disk
    this.port = port
    this.doorbell = new Doorbell(settings.doorbell)
    this.loop = new SyncLoop(disk, settings.shards, {
      folder: settings.dataFolder,
      isAllowed: settings.config.syncWholeFileSystem,
      fromCount: defaultManyFiles,
      clock: () => performance.now(),
    })
  }

  /** As of ShardThread. */
  step(): number {
    this.doorbell.park()
    const message = this.port.receive()
    if (message?.kind === 'stop') return ended
    if (message === undefined && !this.loop.hasWork()) return Number.POSITIVE_INFINITY
    this.doorbell.unpark()
    if (message !== undefined) this.recover(message)
    this.loop.step()
    return 0
  }

  private recover({ clusterId, image }: Extract<ToSync, { kind: 'recover' }>): void {
    try {
      const syncMany = (paths: readonly string[]): boolean => this.loop.syncMany(paths)
      const report = recoverDataFolder(this.disk, { ...this.settings, clusterId }, image, crc32cOf, syncMany)
      this.port.say({ kind: 'recovered', report })
    } catch (error) {
      const { code, message } = StreamBusError.from(error)
      this.port.say({ kind: 'fatal', code, message })
    }
  }
}
