/**
 * Which arguments a broker is started with without the whole command line: what it does with them is what that does.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import fc from 'fast-check'
import { plainBrokerOf } from '../../../src/cli/plain-arguments.js'
import { buildProgram } from '../../../src/cli/program.js'

/** The file that the whole command line runs a broker with; `refused`, or another command's name, where it does not. */
function wholeProgramRuns(argv: readonly string[]): string | undefined {
  const program = buildProgram({ name: 'streambus', typed: 'streambus', isJson: false, end: () => {} })
  let outcome: string | undefined = 'refused'
  const broker = program.commands.find((command) => command.name() === 'broker')!
  for (const command of [program, broker, ...broker.commands]) {
    command.configureOutput({ writeErr: () => {}, writeOut: () => {} })
    command.exitOverride()
  }
  for (const command of broker.commands) command.action(() => void (outcome = command.name()))
  broker.action(({ config }: { readonly config?: string }) => void (outcome = config))
  try {
    program.parse(argv, { from: 'user' })
  } catch {
    return 'refused'
  }
  return outcome
}

describe('plainBrokerOf', () => {
  it('takes a broker with a file or without', () => {
    expect(plainBrokerOf(['broker'])).to.deep.equal({ configFile: undefined })
    for (const argv of [
      ['broker', '--config', 'a b.yaml'],
      ['broker', '-c', 'a b.yaml'],
      ['broker', '--config=a b.yaml'],
    ]) {
      expect(plainBrokerOf(argv), argv.join(' ')).to.deep.equal({ configFile: 'a b.yaml' })
    }
  })

  it('leaves everything else to the whole command line', () => {
    for (const line of [
      '',
      'topic',
      'brokers',
      'broker --help',
      'broker config',
      'broker config get',
      'broker --config',
      'broker --config=',
      'broker --config --json',
      'broker --config a.yaml --json',
      'broker --json',
      'broker a.yaml',
      'broker -ca.yaml',
      'broker --conf a.yaml',
      '--json broker',
    ]) {
      expect(plainBrokerOf(line === '' ? [] : line.split(' ')), line).to.equal(undefined)
    }
  })

  it('reads what it takes as the whole command line does', () => {
    const word = fc.constantFrom('broker', 'config', 'get', '--config', '-c', '--config=', '--config=a', '--json', 'a')
    const other = fc.constantFrom('--', '-', '', '--config=-a', '-ca', '--', '--server', '--help', 'help', 'a=b')
    const rest = fc.array(fc.oneof(word, other, fc.string({ maxLength: 4 })), { maxLength: 3 })
    fc.assert(
      fc.property(rest, (args) => {
        const argv = ['broker', ...args]
        const plain = plainBrokerOf(argv)
        if (plain !== undefined) expect(wholeProgramRuns(argv)).to.equal(plain.configFile)
      }),
      { numRuns: 500 },
    )
  })
})
