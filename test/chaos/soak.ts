/**
 * `npm run soak`: a mixed load for long; an hour by hand. Memory, files, threads and the P99 of a well-formed client
 * stay flat, and nothing is lost.
 * Runs on: a process of its own. Needs Linux.
 */
import { checkOptions, endWith, numberOption } from '../support/options.js'
import { seedOfRun } from '../support/random.js'
import { runSoak } from './soak-run.js'

checkOptions(`npm run soak -- [options]: a mixed load for long, in which nothing may grow
  --minutes N   how long (10)
  --seed N      of the run (by chance)`)

await endWith(async () => {
  const minutes = numberOption('--minutes', 10)
  const seed = numberOption('--seed', seedOfRun())
  console.log(`soak: seed ${seed}, ${minutes} minutes`)
  try {
    console.log(await runSoak({ minutes, seed, say: (line) => console.log(`  ${line}`) }))
    console.log('soak: passed')
  } catch (error) {
    const again = `npm run soak -- --minutes ${minutes} --seed ${seed}`
    throw new Error(`soak: ${String(error)}\n  again: ${again} (instants differ)`, { cause: error })
  }
})
