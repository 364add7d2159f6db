/**
 * `npm run fuzz:decoders`: damaged input for every decoder, in this process.
 * Runs on: a process of its own.
 */
import { checkOptions, chosenOption, endWith, numberOption } from '../support/options.js'
import { Random, seedOfRun } from '../support/random.js'
import { attemptMany, decoderAttempts } from './decoders.js'

/** Each round has a seed of its own, so that one replays. */
const roundInputs = 1000
const decoders = decoderAttempts()

checkOptions(`npm run fuzz:decoders -- [options]: damaged input for every decoder, in one process
  --inputs N    how many, of all decoders together (200000)
  --seed N      of the first thousand of each; the next thousand has the next (by chance)
  --only NAME   of: ${Object.keys(decoders).join(', ')}`)

await endWith(async () => {
  const inputs = numberOption('--inputs', 200_000)
  const seed = numberOption('--seed', seedOfRun())
  const chosen = chosenOption('--only', Object.keys(decoders))
  const rounds = Math.ceil(inputs / roundInputs / chosen.length)
  const startMs = performance.now()
  console.log(`fuzz:decoders: seed ${seed}, ${chosen.length} decoders, ${rounds * roundInputs} inputs each`)
  for (const name of chosen) {
    const beganMs = performance.now()
    for (let round = 0; round < rounds; round++) {
      try {
        attemptMany(decoders[name]!, new Random(seed + round), roundInputs)
      } catch (error) {
        const again = `npm run fuzz:decoders -- --inputs ${roundInputs} --seed ${seed + round} --only ${name}`
        const text = error instanceof Error ? error.stack : String(error)
        throw new Error(`fuzz:decoders: ${name}: ${text}\n  again: ${again}`, { cause: error })
      }
    }
    const perMinute = ((rounds * roundInputs) / (performance.now() - beganMs)) * 60_000
    console.log(`  ${name}: ${(perMinute / 1e6).toFixed(1)} million a minute`)
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  console.log(`fuzz:decoders: ${rounds * roundInputs * chosen.length} inputs passed in ${seconds} s`)
  return Promise.resolve()
})
