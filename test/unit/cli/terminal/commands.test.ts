/**
 * Commands as people use them: on a real pseudo-terminal, with keys.
 * Runs on: the test process, with processes of its own and a broker in memory.
 */
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { widthOf } from '../../../../src/cli/terminal/text-width.js'
import { FakeBroker } from '../../../support/fake-broker.js'
import { cliOnPty, endPtys, Pty, whyNoPty } from '../../../support/pty.js'
import { runCli } from '../../../support/run-cli.js'

const program = fileURLToPath(new URL('../../../support/run-cli.js', import.meta.url))

const styles = new RegExp(`${'\\x1b'}\\[[0-9;]*m`, 'g')

describe('commands on a terminal', function () {
  this.timeout(30_000)
  let broker: FakeBroker
  let env: Record<string, string>

  before(async function () {
    const why = whyNoPty()
    if (why !== undefined) {
      console.log(`    skipped: ${why}`)
      this.skip()
    }
    broker = await FakeBroker.start()
    env = { STREAMBUS_SERVER: broker.address }
    await runCli(['topic', 'create', 'flights'], { env })
    await runCli(['produce', 'flights'], { env, stdin: 'first\nsecond\n' })
  })

  afterEach(endPtys)
  after(() => broker?.stop())

  it('consume prints records as they come, and Ctrl-C ends it with a summary', async () => {
    const pty = cliOnPty(['consume', 'flights'], { env })
    await pty.until(/^first\nsecond$/m)
    await runCli(['produce', 'flights'], { env, stdin: 'third\n' })
    await pty.until(/^third$/m)
    pty.type('\x03')
    expect(await pty.exit).to.equal(0)
    expect(pty.screen.text)
      .to.match(/^reading flights from earliest.*\n/)
      .and.match(/\nflights: 3 records/)
  })

  it('produce takes lines until Ctrl-D, and tells what was acknowledged', async () => {
    const pty = cliOnPty(['produce', 'flights'], { env })
    await pty.until('Ctrl-D')
    pty.type('by hand\n')
    pty.type('again\n')
    await pty.until(/^again$/m)
    pty.type('\x04')
    expect(await pty.exit).to.equal(0)
    expect(pty.screen.text).to.match(/flights: 2 records acknowledged/)
  })

  it('help fits the terminal', async () => {
    for (const [columns, args] of [
      [80, ['--help']],
      [80, ['top', '--help']],
      [80, ['bench', 'e2e', '--help']],
    ] as const) {
      const pty = cliOnPty(args, { columns, rows: 100, env })
      expect(await pty.exit).to.equal(0)
      const lines = pty.output.replaceAll(styles, '').split('\r\n')
      expect(lines.filter((line) => widthOf(line) > columns)).to.deep.equal([])
      expect(lines.length).to.be.greaterThan(5)
    }
  })

  it('help has colours on a terminal, and none with NO_COLOR or through a pipe', async () => {
    const coloured = cliOnPty(['--help'], { rows: 100, env })
    await coloured.exit
    const plain = cliOnPty(['--help'], { rows: 100, env: { ...env, NO_COLOR: '1' } })
    await plain.exit
    expect(coloured.output).to.include('\x1b[')
    expect(plain.output).to.not.include('\x1b[')
    expect((await runCli(['--help'])).stdout).to.not.include('\x1b[')
  })

  it('a pipe that is closed early ends the command quietly', async () => {
    // More than a pipe holds.
    const stdin = Array.from({ length: 10_000 }, (_, n) => `line ${n} of many\n`).join('')
    await runCli(['topic', 'create', 'long'], { env })
    await runCli(['produce', 'long'], { env, stdin })
    const words = [process.execPath, program, 'consume', 'long', '--quiet', '--until-end']
    const shell = `${words.join(' ')} | head -n 1; echo "codes: \${PIPESTATUS[*]}"`
    const pty = new Pty(['bash', '-c', shell], { env })
    expect(await pty.exit).to.equal(0)
    expect(pty.screen.text).to.equal('line 0 of many\ncodes: 0 0')
  })

  it('a progress bar is drawn on a terminal and gone when the work is done', async () => {
    const options = ['--topic', 'flights', '--seconds', '1', '--batch-bytes', '2000']
    const pty = cliOnPty(['bench', 'produce', ...options], { env })
    await pty.until(/measuring .* \d+ %/)
    expect(await pty.exit).to.equal(0)
    expect(pty.screen.text)
      .to.match(/^bench produce, flat out/)
      .and.not.include('measuring')
    const piped = await runCli(['bench', 'produce', ...options], { env })
    expect(piped).to.include({ exitCode: 0, stderr: '' })
    expect(piped.stdout)
      .to.match(/^bench produce, flat out/)
      .and.not.include('\x1b')
  })
})
