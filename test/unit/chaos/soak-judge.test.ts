/**
 * The judge of the soak: what grows is found, and what the read thread has open just then is nothing that grows.
 * Runs on: the test process; the look at open files on Linux alone. Touches: a temporary folder, /proc.
 */
import { expect } from 'chai'
import { closeSync, mkdtempSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { maxOpenSegments } from '../../../workers/read/segment-reader.js'
import { isSegmentRead, judgeFlat, RemovedFiles, type Sample } from '../../chaos/soak-judge.js'
import { type OpenFile, openFilesOf } from '../../support/open-files.js'

const flat: Sample = { residentMiB: 300, openFiles: 80, segmentsRead: 0, threads: 16, p99Ms: 5 }

/** Sixty, of which the last quarter differs. */
function soakOf(late: Partial<Sample>): Sample[] {
  return Array.from({ length: 60 }, (_, index) => (index < 45 ? flat : { ...flat, ...late }))
}

describe('the judge of a soak', () => {
  it('passes what stays flat, whatever the read thread has open just then', () => {
    expect(judgeFlat(soakOf({}), true)).to.contain('openFiles: 80.0 in the second quarter, 80.0 in the last')
    expect(judgeFlat(soakOf({ segmentsRead: maxOpenSegments }), true)).to.contain(`segmentsRead: ${maxOpenSegments}`)
  })

  it('names what grew', () => {
    const grown: [Partial<Sample>, string][] = [
      [{ residentMiB: 325 }, 'residentMiB'],
      [{ openFiles: 101 }, 'openFiles'],
      [{ threads: 18 }, 'threads'],
      [{ p99Ms: 26 }, 'p99Ms'],
    ]
    for (const [late, name] of grown) {
      expect(() => judgeFlat(soakOf(late), true), name).to.throw(new RegExp(`^not flat: ${name}: .*; at most [\\d.]+$`))
    }
  })

  it('finds a read thread that has more segments open than it may, once', () => {
    const samples = soakOf({})
    samples[3] = { ...flat, segmentsRead: maxOpenSegments + 9 }
    expect(() => judgeFlat(samples, true)).to.throw('not flat: segmentsRead: 73 at most; 72 are allowed')
  })
})

describe('the files of a soak', () => {
  let folder: string
  let path: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'streambus-files-'))
    path = join(folder, '00000000000000000000.log')
    writeFileSync(path, 'x')
  })

  afterEach(() => rmSync(folder, { recursive: true }))

  const found = (): OpenFile[] => openFilesOf((open) => open.startsWith(folder))

  it('may be removed and open for half a minute, no longer', function () {
    if (process.platform !== 'linux') this.skip()
    const removed = new RemovedFiles()
    const descriptor = openSync(path, 'r')
    try {
      removed.look(found(), 0)
      removed.look(found(), 100_000)
      rmSync(path)
      removed.look(found(), 100_001)
      removed.look(found(), 130_001)
      const complaint = `1 removed files are kept open: ${path} (descriptor ${descriptor})`
      expect(() => removed.look(found(), 130_002)).to.throw(complaint)
    } finally {
      closeSync(descriptor)
    }
    removed.look(found(), 200_000)
  })

  it('are those of the read thread when they are segments that are read, also on their way out', function () {
    if (process.platform !== 'linux') this.skip()
    const descriptors = [openSync(path, 'r'), openSync(path, 'r+'), openSync(folder, 'r')]
    try {
      const read = (): number[] =>
        found()
          .filter(isSegmentRead)
          .map(({ descriptor }) => descriptor)
      expect(read()).to.deep.equal([descriptors[0]])
      renameSync(path, `${path}.deleted`)
      expect(read()).to.deep.equal([descriptors[0]])
      rmSync(`${path}.deleted`)
      expect(read()).to.deep.equal([descriptors[0]])
    } finally {
      for (const descriptor of descriptors) closeSync(descriptor)
    }
  })
})
