/**
 * The command line of the chaos runs: rounds and seed in, figures or the failure and its replay out.
 * Runs on: a process of its own.
 */
import { Random, seedOfRun } from '../support/random.js'
import { type RoundsOptions, runRounds } from './chaos-rounds.js'

function numberOf(name: string, otherwise: number): number {
  const at = process.argv.indexOf(name)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}

export async function runChaos(name: string, options: Pick<RoundsOptions, 'cutsPower' | 'withoutSync'>): Promise<void> {
  const seed = numberOf('--seed', seedOfRun())
  const rounds = numberOf('--rounds', 20)
  const startMs = performance.now()
  try {
    const say = (line: string): void => console.log(line)
    const figures = await runRounds({ ...options, rounds, random: new Random(seed), say })
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
    console.log(`${name}: ${rounds} rounds from seed ${seed} passed in ${seconds} s: ${JSON.stringify(figures)}`)
  } catch (error) {
    console.error(`${name}: seed ${seed}: ${error instanceof Error ? error.message : error}`)
    console.error(`  again: npm run ${name} -- --rounds ${rounds} --seed ${seed} (instants differ from run to run)`)
    process.exitCode = 1
  }
}
