/**
 * When many files are synced as one file system, and when each by itself.
 * Runs on: the test process. Touches: a temporary folder, once.
 */
import { expect } from 'chai'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createDisk } from '../../../workers/shared/disk.js'
import { reportsErrors } from '../../../workers/shared/whole-file-system.js'
import { ManyFiles } from '../../../workers/sync/many-files.js'
import { MemoryDisk, type MemoryDiskOptions } from '../../support/memory-disk.js'
import { Random } from '../../support/random.js'

const paths = ['/data/a', '/data/b', '/data/c']

class Case {
  readonly disk: MemoryDisk
  readonly many: ManyFiles
  nowMs = 0
  /** How long the next whole sync takes. */
  takesMs = 1
  failing = false
  calls = 0

  constructor(options: { isAllowed?: boolean; disk?: Partial<MemoryDiskOptions> } = {}) {
    this.disk = new MemoryDisk({
      random: new Random(1),
      fault: (operation) => {
        if (operation !== 'sync file system') return undefined
        this.calls++
        this.nowMs += this.takesMs
        return this.failing ? 'EIO' : undefined
      },
      ...options.disk,
    })
    this.disk.makeFolder('/data')
    for (const path of paths) this.disk.write(this.disk.open(path, 'create'), new Uint8Array([1]), 0)
    const { isAllowed = true } = options
    this.many = new ManyFiles({ disk: this.disk, folder: '/data', isAllowed, fromCount: 3, clock: () => this.nowMs })
  }
}

describe('many files synced at once', () => {
  it('puts everything on the medium by one sync', () => {
    const one = new Case()
    expect(one.many.sync(paths)).to.equal(true)
    expect(one.calls).to.equal(1)
    expect(one.disk.isAllDurable).to.equal(true)
  })

  it('leaves few files to themselves', () => {
    const one = new Case()
    expect(one.many.sync(paths.slice(1))).to.equal(false)
    expect(one.calls).to.equal(0)
  })

  it('does nothing where it is switched off, or the system can do no such thing', () => {
    for (const options of [{ isAllowed: false }, { disk: { hasNoWholeSync: true } }]) {
      const one = new Case(options)
      expect(one.many.sync(paths)).to.equal(false)
      expect(one.calls).to.equal(0)
      expect(one.disk.isAllDurable).to.equal(false)
    }
  })

  it('takes a path that is gone for synced', () => {
    const one = new Case()
    expect(one.many.sync([...paths, '/data/gone'])).to.equal(true)
  })

  it('never asks again after a failure: the error is told once, and may be about a file asked for later', () => {
    const one = new Case()
    one.failing = true
    expect(one.many.sync(paths)).to.equal(false)
    one.failing = false
    one.nowMs += 3_600_000
    expect(one.many.sync(paths)).to.equal(false)
    expect(one.calls).to.equal(1)
  })

  it('pauses for a minute after one that took more than a second', () => {
    const one = new Case()
    one.takesMs = 1001
    expect(one.many.sync(paths)).to.equal(true)
    expect(one.many.sync(paths)).to.equal(false)
    one.nowMs += 60_000
    one.takesMs = 5
    expect(one.many.sync(paths)).to.equal(true)
    expect(one.many.sync(paths)).to.equal(true)
    expect(one.calls).to.equal(3)
  })

  it('holds what lies on the same file system, on the real disk', function () {
    const folder = mkdtempSync(`${tmpdir()}/streambus-whole-`)
    try {
      const whole = createDisk().wholeFileSystem(folder)
      if (whole === undefined) this.skip()
      expect(whole.holds(folder)).to.equal(true)
      expect(whole.holds('/proc/self/status')).to.equal(false)
      expect(whole.holds(`${folder}/missing`)).to.equal(false)
      whole.sync()
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('is believed from Linux 5.8 on, which reports what was not written', () => {
    const versions = ['5.8.0', '5.10.0-28-amd64', '6.1', '10.0.1'].map(reportsErrors)
    expect(versions).to.deep.equal([true, true, true, true])
    expect(['5.7.19', '4.19.0', '3.10', 'odd'].map(reportsErrors)).to.deep.equal([false, false, false, false])
  })
})
