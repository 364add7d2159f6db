/**
 * `npm run chaos:storage -- --histories 1000 --seed 7 [--errors] [--segments] [--verbose]`: many more histories of the
 * storage test.
 * Runs on: a process of its own.
 */
import { Random, seedOfRun } from '../support/random.js'
import { StorageHistory } from './storage-history.js'

const args = process.argv.slice(2)

function numberOf(name: string, otherwise: number): number {
  const at = args.indexOf(name)
  return at < 0 ? otherwise : Number(args[at + 1])
}

const histories = numberOf('--histories', 1000)
const firstSeed = numberOf('--seed', seedOfRun())
const isVerbose = args.includes('--verbose')
const errors = args.includes('--errors')
const shortSegments = args.includes('--segments')
const startMs = performance.now()
let failed = 0

for (let seed = firstSeed; seed < firstSeed + histories; seed++) {
  const options = { lives: numberOf('--lives', 4), steps: numberOf('--steps', 150), errors, shortSegments }
  try {
    new StorageHistory(new Random(seed), isVerbose ? { ...options, say: (line) => console.log(line) } : options).run()
  } catch (error) {
    failed++
    console.error(`seed ${seed}: ${error instanceof Error ? (error.stack ?? error.message) : error}`)
    const flags = `${errors ? ' --errors' : ''}${shortSegments ? ' --segments' : ''}`
    console.error(`  replay: npm run chaos:storage -- --histories 1 --seed ${seed}${flags} --verbose`)
  }
}
const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
console.log(`chaos:storage: ${histories} histories from seed ${firstSeed}, ${failed} failed, in ${seconds} s`)
process.exitCode = failed === 0 ? 0 : 1
