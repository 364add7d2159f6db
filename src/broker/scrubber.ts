/**
 * Has the segments verified now and then, in the job pool.
 * Runs on: main (a timer); the work is done by a job worker. Touches: nothing itself.
 */
import type { Piscina } from 'piscina'
import type { BrokerConfig } from '../../native-free-core/config/broker-config.js'
import type { Log } from './log-sink.js'

interface ScrubReport {
  readonly segments: number
  readonly bytes: number
  readonly damages: readonly { readonly path: string; readonly position: number; readonly what: string }[]
}

/** Slow enough not to be felt by others on the disk. */
const bytesPerSecond = 32 << 20

export class Scrubber {
  private readonly dataFolder: string
  private readonly log: Log
  private readonly file: string
  private readonly onDamagedSegments: (count: number) => void
  private timer: NodeJS.Timeout | undefined
  private pool: Piscina | undefined

  /** `onDamagedSegments` hears after each scrub how many segments it found damaged. */
  constructor(
    config: BrokerConfig,
    dataFolder: string,
    workerFolder: string,
    log: Log,
    onDamagedSegments: (count: number) => void,
  ) {
    this.onDamagedSegments = onDamagedSegments
    this.dataFolder = dataFolder
    this.log = log
    this.file = `${workerFolder}/jobs.js`
    this.schedule(config.scrubIntervalMs)
  }

  /** From now on; 0: never. */
  schedule(intervalMs: number): void {
    clearInterval(this.timer)
    if (intervalMs === 0) return
    // Node's timers reach 24.8 days; a longer interval is cut to that.
    this.timer = setInterval(() => void this.run(), Math.min(intervalMs, 2 ** 31 - 1))
    this.timer.unref()
  }

  /** One scrub; the thread lives only as long as it. */
  async run(): Promise<ScrubReport | undefined> {
    if (this.pool !== undefined) return undefined
    // Loaded with the first scrub: the start does not wait for what is not needed yet.
    const { Piscina } = await import('piscina')
    this.pool = new Piscina({ filename: this.file, maxThreads: 1, idleTimeout: 0 })
    try {
      const job = { kind: 'scrub', dataFolder: this.dataFolder, bytesPerSecond }
      const report = (await this.pool.run(job)) as ScrubReport
      this.say(report)
      this.onDamagedSegments(damagedSegmentsIn(report))
      return report
    } catch (error) {
      this.log.error(`the scrub did not finish: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    } finally {
      const pool = this.pool
      this.pool = undefined
      await pool?.destroy()
    }
  }

  private say({ segments, bytes, damages }: ScrubReport): void {
    for (const { path, position, what } of damages) {
      this.log.error(`${path} is damaged at byte ${position}: ${what}; restore it from a copy`)
    }
    this.log.info(`scrubbed ${segments} segments, ${bytes} bytes, found ${damages.length} damaged places`)
  }

  stop(): void {
    clearInterval(this.timer)
    void this.pool?.destroy()
  }
}

/** A segment and its indexes have one name but for its ending. */
function damagedSegmentsIn({ damages }: ScrubReport): number {
  return new Set(damages.map(({ path }) => path.replace(/\.[a-z]+$/, ''))).size
}
