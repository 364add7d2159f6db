/**
 * `npm run chaos:core`: a great many histories of the two structures that hold records, each alone on a disk that loses
 * what a power cut can lose: a journal, and a partition's log.
 * Runs on: a process of its own.
 */
import { installNativeCrc32c } from '../../workers/shared/native-crc32c.js'
import { checkOptions, hasFlag, numberOption } from '../support/options.js'
import { Random, seedOfRun } from '../support/random.js'
import { runJournalHistory } from './journal-history.js'
import { runLogHistory } from './log-history.js'

checkOptions(`npm run chaos:core -- [options]: histories of a journal alone, and of a partition's log alone
  --histories N   how many of each (1000)
  --seed N        of the first one; each next one has the next (by chance)
  --journal-only  no histories of a log
  --log-only      no histories of a journal`)

installNativeCrc32c()
const histories = numberOption('--histories', 1000)
const firstSeed = numberOption('--seed', seedOfRun())
const toldEveryMs = 60_000

function play(what: string, flag: string, run: (random: Random) => void): number {
  const startMs = performance.now()
  const seconds = (): string => ((performance.now() - startMs) / 1000).toFixed(1)
  let failed = 0
  let toldMs = startMs
  for (let seed = firstSeed; seed < firstSeed + histories; seed++) {
    try {
      run(new Random(seed))
    } catch (error) {
      failed++
      console.error(`seed ${seed}: ${error instanceof Error ? (error.stack ?? error.message) : error}`)
      console.error(`  replay: npm run chaos:core -- --histories 1 --seed ${seed} ${flag}`)
    }
    if (performance.now() - toldMs < toldEveryMs) continue
    toldMs = performance.now()
    console.log(`  ${what}: ${seed - firstSeed + 1} in ${seconds()} s`)
  }
  console.log(
    `chaos:core: ${histories} histories of ${what} from seed ${firstSeed}, ${failed} failed, in ${seconds()} s`,
  )
  return failed
}

let failed = 0
if (!hasFlag('--log-only')) failed += play('a journal', '--journal-only', (random) => runJournalHistory(random))
if (!hasFlag('--journal-only')) failed += play('a log', '--log-only', runLogHistory)
process.exitCode = failed === 0 ? 0 : 1
