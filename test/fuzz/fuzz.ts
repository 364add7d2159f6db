/**
 * `npm run fuzz -- --frames 1000000 [--seed N] [--front-end uws|ws]`: hostile frames and HTTP against a
 * real broker, half of them on each front end.
 * Runs on: a process of its own.
 */
import { frontEnds } from '../support/gateway-fixture.js'
import { endWith, numberOption } from '../support/options.js'
import { seedOfRun } from '../support/random.js'
import { runFuzz } from './fuzz-run.js'

await endWith(async () => {
  const frames = numberOption('--frames', 20_000)
  const seed = numberOption('--seed', seedOfRun())
  const at = process.argv.indexOf('--front-end')
  const chosen = at < 0 ? frontEnds : frontEnds.filter((name) => name === process.argv[at + 1])
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
