/**
 * The name by which the command line was called.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { calledBy } from '../../../src/cli/called-by.js'

describe('calledBy', () => {
  it('tells the name of the link, and npx where it is not on the PATH', () => {
    const rows = [
      ['/usr/local/bin/streambus', {}, 'streambus', 'streambus'],
      ['/usr/local/bin/streambus-cli', {}, 'streambus-cli', 'streambus-cli'],
      ['/clone/node_modules/.bin/streambus', { npm_command: 'exec' }, 'streambus', 'npx streambus'],
      ['/clone/bin/streambus.js', {}, 'streambus', 'npx streambus'],
      ['/clone/tools/start.mjs', { npm_command: 'start' }, 'streambus-cli', 'npx streambus-cli'],
      [undefined, {}, 'streambus-cli', 'streambus-cli'],
    ] as const
    for (const [path, variables, name, typed] of rows) {
      expect(calledBy(path, variables), path).to.deep.equal({ name, typed })
    }
  })
})
