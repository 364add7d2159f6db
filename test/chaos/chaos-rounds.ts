/**
 * Rounds of producing, dying and verifying, shared by the kill and the power-cut runs.
 * Runs on: the test process. Touches: a temporary folder, a broker process, connections to it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Random } from '../support/random.js'
import { rollBack } from '../support/roll-back.js'
import { BrokerProcess, freePort } from './broker-process.js'
import { Workload, type WorkloadFigures } from './workload.js'

export interface RoundsOptions {
  readonly rounds: number
  /** After so long no round is begun any more. */
  readonly mostMs?: number
  readonly random: Random
  /** After each kill, what no sync covered is undone in part. */
  readonly cutsPower: boolean
  /** The canary: durable writes are not synced. */
  readonly withoutSync?: boolean
  /** How long producers work between two deaths, at most. */
  readonly lifeMs?: number
  readonly partitions?: number
  /** After every how many rounds old records are deleted; never: each round verifies all that ever was. */
  readonly deleteEvery?: number
  readonly say?: (line: string) => void
}

const diskModule = fileURLToPath(new URL('../support/power-cut-disk.js', import.meta.url))
const shardCounts = [3, 1, 2]

export interface RoundsFigures extends WorkloadFigures {
  rounds: number
  /** Kills while the broker was starting, on its way through recovery. */
  killedStarts: number
  undoneBlocks: number
  undoneNames: number
}

/** Throws with what was lost, and in which round; the data folder is removed only when all is well. */
export async function runRounds(options: RoundsOptions): Promise<RoundsFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'streambus-chaos-'))
  const run = new Rounds(options, folder, await freePort())
  try {
    const figures = await runAndEnd(run)
    rmSync(folder, { recursive: true })
    return figures
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    // A canary is meant to fail: nobody looks into its folder.
    if (options.withoutSync === true) rmSync(folder, { recursive: true })
    throw new Error(`round ${run.round}, data in ${folder}: ${text}${run.complaint}`, { cause: error })
  }
}

async function runAndEnd(run: Rounds): Promise<RoundsFigures> {
  try {
    return await run.run()
  } finally {
    await run.end()
  }
}

class Rounds {
  round = 0
  private readonly options: RoundsOptions
  private readonly dataFolder: string
  private readonly sideFile: string
  private readonly port: number
  private readonly workload: Workload
  private broker: BrokerProcess | undefined
  private killedStarts = 0
  private undoneBlocks = 0
  private undoneNames = 0
  /** How long a start takes here: kills on the way are spread over it. */
  private startMs = 300

  constructor(options: RoundsOptions, folder: string, port: number) {
    this.options = options
    this.dataFolder = join(folder, 'data')
    this.sideFile = join(folder, 'side')
    this.port = port
    this.workload = new Workload(`127.0.0.1:${port}`, options.random, options.partitions)
  }

  /** What the broker's last life warned of. */
  get complaint(): string {
    const lines = this.broker?.complaint.split('\n').filter((line) => /^(warn|error):/.test(line)) ?? []
    return lines.map((line) => `\n  the broker: ${line}`).join('')
  }

  private say(line: string): void {
    this.options.say?.(`round ${this.round}: ${line}`)
  }

  async run(): Promise<RoundsFigures> {
    const { rounds, random, lifeMs = 1200, deleteEvery = Number.POSITIVE_INFINITY } = this.options
    const endMs = performance.now() + (this.options.mostMs ?? Number.POSITIVE_INFINITY)
    await this.start()
    await this.workload.open()
    while (this.round < rounds && performance.now() < endMs) {
      this.round++
      this.workload.resume()
      await pass(random.between(100, lifeMs))
      await this.die()
      await this.start()
      await this.workload.drain()
      await this.workload.verify()
      if (this.round % deleteEvery === 0) await this.workload.deleteOld()
      this.say(JSON.stringify(this.figures))
    }
    await this.workload.close()
    const code = await this.broker!.stop()
    if (code !== 0) throw new Error(`the broker stopped with ${code}: ${this.broker!.complaint}`)
    return this.figures
  }

  private get figures(): RoundsFigures {
    const { round: rounds, killedStarts, undoneBlocks, undoneNames } = this
    return { rounds, ...this.workload.figures, killedStarts, undoneBlocks, undoneNames }
  }

  /** Some starts are killed on their way, so that recovery meets what a recovery left. */
  private async start(): Promise<void> {
    const { random } = this.options
    while (this.round > 0 && random.chance(0.4)) {
      this.broker = this.spawn()
      await pass(random.between(20, Math.ceil(this.startMs)))
      this.killedStarts++
      await this.die()
    }
    const startedMs = performance.now()
    this.broker = this.spawn()
    await this.broker.ready
    this.startMs = performance.now() - startedMs
  }

  private spawn(): BrokerProcess {
    const { cutsPower, withoutSync } = this.options
    const shards = shardCounts[this.round % shardCounts.length]!
    const environment = cutsPower
      ? { STREAMBUS_TEST_SIDE_FILE: this.sideFile, STREAMBUS_TEST_NO_DSYNC: withoutSync === true ? '1' : '0' }
      : {}
    return new BrokerProcess(
      {
        dataFolder: this.dataFolder,
        port: this.port,
        shards,
        journalMemoryBytes: 4 << 20,
        retentionCheckIntervalMs: 200,
        ...(cutsPower ? { diskModule } : {}),
      },
      environment,
    )
  }

  private async die(): Promise<void> {
    await this.broker!.kill()
    if (!this.options.cutsPower) return
    const report = rollBack(this.sideFile, this.dataFolder, this.options.random)
    this.undoneBlocks += report.undoneBlocks
    this.undoneNames += report.undoneNames
  }

  async end(): Promise<void> {
    try {
      await this.workload.close()
    } finally {
      await this.broker?.kill()
    }
  }
}

function pass(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs))
}
