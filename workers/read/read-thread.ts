/**
 * What the read worker's thread does, a step at a time: cold reads. Only the sleep between steps is not in here.
 * Runs on: read worker. Touches: segment files (read only), the front ends' rings.
 */
import type { FromRead, ReadSettings, ToRead } from '../../native-free-core/mailbox/control.js'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'
import type { Disk } from '../shared/disk.js'
import { ended, type ThreadPort } from '../shared/thread-port.js'
import { ReadLoop } from './read-loop.js'

export class ReadThread {
  readonly doorbell: Doorbell
  private readonly port: ThreadPort<ToRead, FromRead>
  private readonly loop: ReadLoop

  private readonly clock: () => number

  /** `clock` never jumps. */
  constructor(
    settings: ReadSettings,
    disk: Disk,
    port: ThreadPort<ToRead, FromRead>,
    clock: () => number = () => performance.now(),
  ) {
    this.clock = clock
    this.port = port
    this.doorbell = new Doorbell(settings.doorbell)
    this.loop = new ReadLoop(disk, settings.frontEnds, (partitionId, message) =>
      port.say({ kind: 'readFailed', partitionId, message }),
    )
  }

  /** As of ShardThread. */
  step(): number {
    const worked = this.loop.step() > 0
    const tidyMs = this.loop.tidy(this.clock())
    if (worked) return 0
    this.doorbell.park()
    if (this.loop.hasWork()) {
      this.doorbell.unpark()
      return 0
    }
    return this.port.receive()?.kind === 'stop' ? ended : tidyMs
  }
}
