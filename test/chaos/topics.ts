/**
 * `npm run chaos:topics`: topics made and deleted in loops, with records in them, under new names and one name again
 * and again, raced for by two clients.
 * Runs on: a process of its own. Needs Linux.
 */
import { checkOptions, endWith, numberOption } from '../support/options.js'
import { seedOfRun } from '../support/random.js'
import { runTopics } from './topics-run.js'

checkOptions(`npm run chaos:topics -- [options]: topics made and deleted in loops
  --topics N   how many (1000)
  --seed N     of the run (by chance)`)

await endWith(async () => {
  const topics = numberOption('--topics', 1000)
  const seed = numberOption('--seed', seedOfRun())
  console.log(`chaos:topics: seed ${seed}, ${topics} topics`)
  const startMs = performance.now()
  try {
    console.log(await runTopics({ topics, seed, say: (line) => console.log(`  ${line}`) }))
    console.log(`chaos:topics: passed in ${((performance.now() - startMs) / 1000).toFixed(1)} s`)
  } catch (error) {
    const again = `npm run chaos:topics -- --topics ${topics} --seed ${seed}`
    throw new Error(`chaos:topics: ${String(error)}\n  again: ${again} (instants differ)`, { cause: error })
  }
})
