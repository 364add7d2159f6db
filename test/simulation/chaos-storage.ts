/**
 * `npm run chaos:storage`: many more histories of the storage test.
 * Runs on: a process of its own.
 */
import { checkOptions, hasFlag, numberOption } from '../support/options.js'
import { Random, seedOfRun } from '../support/random.js'
import { StorageHistory } from './storage-history.js'

checkOptions(`npm run chaos:storage -- [options]: the storage test's histories, many more of them
  --histories N   how many (1000)
  --seed N        of the first one; each next one has the next (by chance)
  --errors        the disk also answers EIO and ENOSPC
  --churn         topics are made and deleted all the time
  --segments      segments are short, so that there are many
  --lives N       of a history, each with a power cut or a kill at its end (4)
  --steps N       of a life (150)
  --verbose       tells of each step`)

const histories = numberOption('--histories', 1000)
const firstSeed = numberOption('--seed', seedOfRun())
const isVerbose = hasFlag('--verbose')
const errors = hasFlag('--errors')
const shortSegments = hasFlag('--segments')
const churn = hasFlag('--churn')
const startMs = performance.now()
let failed = 0

for (let seed = firstSeed; seed < firstSeed + histories; seed++) {
  const faults = { errors, shortSegments, churn }
  const options = { lives: numberOption('--lives', 4), steps: numberOption('--steps', 150), ...faults }
  try {
    new StorageHistory(new Random(seed), isVerbose ? { ...options, say: (line) => console.log(line) } : options).run()
  } catch (error) {
    failed++
    console.error(`seed ${seed}: ${error instanceof Error ? (error.stack ?? error.message) : error}`)
    const flags = `${errors ? ' --errors' : ''}${shortSegments ? ' --segments' : ''}${churn ? ' --churn' : ''}`
    console.error(`  replay: npm run chaos:storage -- --histories 1 --seed ${seed}${flags} --verbose`)
  }
}
const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
console.log(`chaos:storage: ${histories} histories from seed ${firstSeed}, ${failed} failed, in ${seconds} s`)
process.exitCode = failed === 0 ? 0 : 1
