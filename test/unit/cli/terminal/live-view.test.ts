/**
 * A live view on a real pseudo-terminal: drawn, resized, and gone without a trace however it ends.
 * Runs on: the test process, with processes of its own.
 */
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { endPtys, Pty, whyNoPty } from '../../../support/pty.js'

const sampleView = fileURLToPath(new URL('./sample-view.js', import.meta.url))

describe('a live view on a terminal', function () {
  this.timeout(30_000)

  before(function () {
    const why = whyNoPty()
    if (why === undefined) return
    console.log(`    skipped: ${why}`)
    this.skip()
  })

  afterEach(endPtys)

  const start = async (): Promise<Pty> => {
    const pty = new Pty([process.execPath, sampleView], { columns: 60, rows: 20 })
    await pty.until('view 60x20')
    expect(pty.screen).to.include({ isAlternate: true, isCursorVisible: false, isWrapping: false })
    return pty
  }

  const expectRestored = ({ screen }: Pty): void => {
    expect(screen).to.include({ isAlternate: false, isCursorVisible: true, isWrapping: true })
    expect(screen.text).to.match(/^before/)
  }

  it('takes keys, follows the size of the terminal, and restores what was there', async () => {
    const pty = await start()
    pty.type('a\x1b[B')
    await pty.until('keys a down')
    pty.resize(90, 24)
    await pty.until('view 90x24')
    pty.type('q')
    expect(await pty.exit).to.equal(0)
    expectRestored(pty)
    expect(pty.screen.text).to.equal('before\nafter')
  })

  it('draws in synchronised updates, and only when something differs', async () => {
    const pty = await start()
    const { updateCount } = pty.screen
    pty.type('b')
    await pty.until('keys b')
    expect(pty.screen.updateCount).to.equal(updateCount + 1)
    expect(pty.output).to.not.include('\x1b[?2026h\x1b[?2026l')
    pty.type('\x03')
    expect(await pty.exit).to.equal(0)
    expectRestored(pty)
  })

  it('restores the screen when SIGTERM or SIGHUP ends it, and ends by that signal', async () => {
    for (const [signal, exitCode] of [
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const) {
      const pty = await start()
      pty.kill(signal)
      expect(await pty.exit, signal).to.equal(exitCode)
      expectRestored(pty)
    }
  })

  it('restores the screen before an error is printed that nobody caught', async () => {
    const pty = await start()
    pty.type('x')
    expect(await pty.exit).to.equal(1)
    expectRestored(pty)
    expect(pty.screen.text).to.include('broken on purpose')
  })

  it('gives the terminal back at Ctrl-Z, and draws again when it goes on', async () => {
    const pty = await start()
    const { length } = pty.output
    pty.type('\x1a')
    await pty.until(({ updateCount }) => updateCount >= 2)
    expect(pty.output.slice(length)).to.match(/\?1049l.*\?1049h.*view 60x20/s)
    expect(pty.settings).to.include('-icanon')
    pty.type('q')
    expect(await pty.exit).to.equal(0)
    expectRestored(pty)
  })
})
