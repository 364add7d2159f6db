/**
 * The command line of the chaos runs: rounds, partitions and seed in, figures or the failure and its replay out.
 * Runs on: a process of its own.
 */
import { checkOptions, hasFlag, numberOption } from '../support/options.js'
import { Random, seedOfRun } from '../support/random.js'
import { type RoundsOptions, runRounds } from './chaos-rounds.js'
import { defaultPartitions } from './workload.js'

/** In a run of more rounds than this, old records are deleted now and then, and every tenth round is told. */
const longRounds = 50
const deleteEvery = 10

function usageOf(name: string, { cutsPower }: Pick<RoundsOptions, 'cutsPower'>): string {
  const how = cutsPower ? 'kill -9, and what no sync covered is undone in part' : 'kill -9 at random instants'
  const canary = '\n  --canary           durable writes are not synced: the run must fail'
  return `npm run ${name} -- [options]: ${how}
  --rounds N         lives of the broker (20)
  --most-seconds N   after so long no round is begun any more (no limit)
  --partitions N     that are written to (${defaultPartitions})
  --life-ms N        how long a life may last (1200)
  --seed N           of the run (by chance)
  --verbose          tells of each round, also of more than ${longRounds}${cutsPower ? canary : ''}`
}

export async function runChaos(name: string, options: Pick<RoundsOptions, 'cutsPower' | 'withoutSync'>): Promise<void> {
  checkOptions(usageOf(name, options))
  const seed = numberOption('--seed', seedOfRun())
  const rounds = numberOption('--rounds', 20)
  const partitions = numberOption('--partitions', defaultPartitions)
  const lifeMs = numberOption('--life-ms', 1200)
  const mostMs = 1000 * numberOption('--most-seconds', Number.POSITIVE_INFINITY)
  const isLong = rounds > longRounds
  const startMs = performance.now()
  let told = 0
  const say = (line: string): void => {
    if (!isLong || hasFlag('--verbose') || ++told % deleteEvery === 0) console.log(line)
  }
  const seconds = (): string => ((performance.now() - startMs) / 1000).toFixed(1)
  const shape = `--rounds ${rounds} --partitions ${partitions} --life-ms ${lifeMs} --seed ${seed}`
  const again = `npm run ${name} -- ${shape}${options.withoutSync ? ' --canary' : ''}`
  console.log(`${name}: seed ${seed}, ${rounds} rounds, ${partitions} partitions`)
  try {
    const figures = await runRounds({
      ...options,
      rounds,
      mostMs,
      random: new Random(seed),
      partitions,
      lifeMs,
      say,
      ...(isLong ? { deleteEvery } : {}),
    })
    console.log(
      `${name}: ${figures.rounds} rounds from seed ${seed} passed in ${seconds()} s: ${JSON.stringify(figures)}`,
    )
  } catch (error) {
    console.error(`${name}: seed ${seed}, after ${seconds()} s: ${error instanceof Error ? error.message : error}`)
    console.error(`  again: ${again} (instants differ from run to run)`)
    process.exitCode = 1
  }
}
