/**
 * What is written to a terminal, and what comes from one.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { coloursFor, drawsBlocks, wantsColour } from '../../../../src/cli/terminal/colours.js'
import { FrameDifference } from '../../../../src/cli/terminal/frame-difference.js'
import { keysOf } from '../../../../src/cli/terminal/keys.js'
import { startProgress } from '../../../../src/cli/terminal/progress.js'

describe('frames of a screen', () => {
  it('are written whole at first, then only in the lines that differ, in one update', () => {
    const frames = new FrameDifference()
    expect(frames.next(['one', '', 'three'], 4, 20)).to.equal(
      '\x1b[?2026h\x1b[2J\x1b[1;1H\x1b[Kone\x1b[0m\x1b[3;1H\x1b[Kthree\x1b[0m\x1b[?2026l',
    )
    expect(frames.next(['one', '', 'three'], 4, 20)).to.equal('')
    expect(frames.next(['one', '', '3'], 4, 20)).to.equal('\x1b[?2026h\x1b[3;1H\x1b[K3\x1b[0m\x1b[?2026l')
  })

  it('clear a line that is gone and leave out what has no room', () => {
    const frames = new FrameDifference()
    frames.next(['one', 'two', 'three'], 2, 20)
    expect(frames.next(['one'], 2, 20)).to.equal('\x1b[?2026h\x1b[2;1H\x1b[K\x1b[0m\x1b[?2026l')
  })

  it('are written whole again when the size changes or the screen was used by others', () => {
    const frames = new FrameDifference()
    frames.next(['one'], 2, 20)
    expect(frames.next(['one'], 2, 30)).to.contain('\x1b[2J')
    frames.forget()
    expect(frames.next(['one'], 2, 30)).to.contain('one')
  })
})

describe('keys of a terminal', () => {
  it('are told apart when they come at once', () => {
    expect(keysOf('q\x1b[A\x1bOB \x03\x1b')).to.deep.equal(['q', 'up', 'down', 'space', 'ctrl-c', 'escape'])
  })

  it('that mean nothing here are left out', () => {
    expect(keysOf('\x1b[1;5Cä\x1b[200~?')).to.deep.equal(['?'])
  })
})

describe('colours', () => {
  it('are for terminals, unless the environment says otherwise', () => {
    expect(wantsColour(true, {})).to.equal(true)
    expect(wantsColour(false, { CI: 'true' })).to.equal(false)
    expect(wantsColour(true, { TERM: 'dumb' })).to.equal(false)
    expect(wantsColour(true, { NO_COLOR: '1', FORCE_COLOR: '1' })).to.equal(false)
    expect(wantsColour(true, { NO_COLOR: '' })).to.equal(true)
    expect(wantsColour(false, { FORCE_COLOR: '1' })).to.equal(true)
    expect(wantsColour(true, { FORCE_COLOR: '0' })).to.equal(false)
    expect(coloursFor({ isTTY: true }, {}).red('x')).to.equal('\x1b[31mx\x1b[39m')
    expect(coloursFor({}, {}).red('x')).to.equal('x')
  })

  it('and blocks are for terminals whose locale has them', () => {
    expect(drawsBlocks({})).to.equal(true)
    expect(drawsBlocks({ LANG: 'en_GB.UTF-8' })).to.equal(true)
    expect(drawsBlocks({ LC_ALL: 'C', LANG: 'en_GB.UTF-8' })).to.equal(false)
    expect(drawsBlocks({ TERM: 'linux' })).to.equal(false)
  })
})

describe('progress', () => {
  it('is silent where stderr is no terminal', async () => {
    const stream = process.stderr as { isTTY?: boolean }
    const before = stream.isTTY
    const written: string[] = []
    const { write } = process.stderr
    stream.isTTY = false
    process.stderr.write = ((text: string) => written.push(text) > 0) as typeof write
    try {
      const progress = await startProgress({ title: 'reading', total: 10, unit: 'records' })
      progress.update(5, 'half')
      progress.end()
    } finally {
      process.stderr.write = write
      if (before !== undefined) stream.isTTY = before
    }
    expect(written).to.deep.equal([])
  })
})
