/**
 * `npm run fuzz`: hostile frames and HTTP against a real broker, half of them on each front end.
 * Runs on: a process of its own.
 */
import { frontEnds } from '../support/gateway-fixture.js'
import { checkOptions, chosenOption, endWith, numberOption } from '../support/options.js'
import { seedOfRun } from '../support/random.js'
import { runFuzz } from './fuzz-run.js'

checkOptions(`npm run fuzz -- [options]: hostile frames and HTTP against a real broker
  --frames N         how many (20000)
  --seed N           of the run (by chance)
  --front-end NAME   all of them on this one: ${frontEnds.join(', ')} (as many on each)`)

await endWith(async () => {
  const frames = numberOption('--frames', 20_000)
  const seed = numberOption('--seed', seedOfRun())
  const chosen = chosenOption('--front-end', frontEnds)
  for (const frontEnd of chosen) {
    const startMs = performance.now()
    console.log(`fuzz: seed ${seed}, ${Math.ceil(frames / chosen.length)} frames on ${frontEnd}`)
    try {
      const say = (line: string): void => console.log(`  ${line}`)
      const figures = await runFuzz({ frames: Math.ceil(frames / chosen.length), seed, frontEnd, say })
      const seconds = (performance.now() - startMs) / 1000
      console.log(`fuzz: passed on ${frontEnd} in ${seconds.toFixed(1)} s: ${JSON.stringify(figures)}`)
    } catch (error) {
      const again = `npm run fuzz -- --frames ${frames} --seed ${seed} --front-end ${frontEnd}`
      throw new Error(`fuzz: seed ${seed} on ${frontEnd}: ${String(error)}\n  again: ${again} (instants differ)`, {
        cause: error,
      })
    }
  }
})
