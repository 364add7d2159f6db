/**
 * Mocha's own `dot` (or `spec`, with STREAMBUS_TEST_REPORTER=spec) output, and the counts of the run in the file that
 * STREAMBUS_TEST_RESULTS names. The file appears when the last test has ended, before mocha's process does.
 */
const { writeFileSync } = require('node:fs')
const { reporters, Runner } = require('mocha')

const isSpec = process.env.STREAMBUS_TEST_REPORTER === 'spec'

module.exports = class CountReporter extends (isSpec ? reporters.Spec : reporters.Dot) {
  constructor(runner, options) {
    super(runner, options)
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats
      const path = process.env.STREAMBUS_TEST_RESULTS
      if (path) writeFileSync(path, JSON.stringify({ passed: passes, failed: failures, skipped: pending }))
    })
  }
}
