/**
 * The command lines of the long runs.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { optionProblem } from '../../support/options.js'

const usage = `npm run something -- [options]
  --seed N      where it begins; see --other
  --kinds A,B   which
  --verbose     tells more`

describe('optionProblem', () => {
  for (const args of [[], ['--seed', '7', '--verbose'], ['--kinds', 'short writes,cuts'], ['--help']]) {
    it(`has nothing against ${JSON.stringify(args)}`, () => expect(optionProblem(usage, args)).to.equal(undefined))
  }

  for (const [args, problem] of [
    [['--seeds', '7'], 'there is no option --seeds'],
    [['--seed', '7', 'more'], 'there is no option more'],
    [['--other'], 'there is no option --other'],
    [['--seed'], '--seed needs a value: --seed N'],
    [['--seed', '--verbose'], '--seed needs a value: --seed N'],
  ] as const) {
    it(`says of ${JSON.stringify(args)}: ${problem}`, () => expect(optionProblem(usage, args)).to.equal(problem))
  }
})
