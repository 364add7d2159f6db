/**
 * The power cut that is played on real files: what was synced stays, what was not goes in some outcomes.
 * Runs on: the test process. Touches: temporary folders.
 */
import { expect } from 'chai'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PowerCutDisk } from '../../support/power-cut-disk.js'
import { Random } from '../../support/random.js'
import { rollBack } from '../../support/roll-back.js'

/** The distinct outcomes of power cuts after `act`, over many seeds. */
function outcomes(act: (disk: PowerCutDisk, folder: string) => void, look: (folder: string) => string): string[] {
  const seen = new Set<string>()
  for (let seed = 0; seed < 60; seed++) {
    const root = mkdtempSync(join(tmpdir(), 'streambus-roll-back-'))
    const folder = join(root, 'data')
    mkdirSync(folder)
    act(new PowerCutDisk(join(root, 'side')), folder)
    rollBack(join(root, 'side'), folder, new Random(seed))
    seen.add(look(folder))
    rmSync(root, { recursive: true })
  }
  return [...seen].sort()
}

function text(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').replaceAll('\0', '0') : 'none'
}

function put(disk: PowerCutDisk, path: string, words: string, isSynced: boolean): void {
  const file = disk.open(path, 'create')
  disk.write(file, new TextEncoder().encode(words), 0)
  if (isSynced) disk.sync(file)
  disk.close(file)
}

describe('a power cut played on real files', () => {
  before(function () {
    if (process.platform !== 'linux') this.skip()
  })

  it('keeps a file whose data and name were synced', () => {
    const act = (disk: PowerCutDisk, folder: string): void => {
      put(disk, `${folder}/a`, 'x', true)
      disk.syncFolder(folder)
    }
    expect(outcomes(act, (folder) => text(`${folder}/a`))).to.deep.equal(['x'])
  })

  it('loses name, data or bytes of one that was not', () => {
    const act = (disk: PowerCutDisk, folder: string): void => put(disk, `${folder}/a`, 'x', false)
    expect(outcomes(act, (folder) => text(`${folder}/a`))).to.deep.equal(['', '0', 'none', 'x'])
  })

  it('keeps durable writes beside others that go', () => {
    const act = (disk: PowerCutDisk, folder: string): void => {
      put(disk, `${folder}/a`, 'a'.repeat(8192), true)
      disk.syncFolder(folder)
      const durable = disk.open(`${folder}/a`, 'durable-write')
      const other = disk.open(`${folder}/a`, 'read-write')
      disk.write(other, new Uint8Array(4096).fill(0x63), 4096)
      disk.write(durable, new Uint8Array(4096).fill(0x62), 0)
      for (const file of [durable, other]) disk.close(file)
    }
    const look = (folder: string): string => text(`${folder}/a`).replace(/(.)\1+/g, '$1')
    expect(outcomes(act, look)).to.deep.equal(['ba', 'bc'])
  })

  it('undoes renames and removals whose folder was not synced, each whole', () => {
    const act =
      (isSynced: boolean) =>
      (disk: PowerCutDisk, folder: string): void => {
        put(disk, `${folder}/a`, 'old', true)
        put(disk, `${folder}/b`, 'new', true)
        put(disk, `${folder}/c`, 'gone', true)
        disk.syncFolder(folder)
        disk.rename(`${folder}/b`, `${folder}/a`)
        disk.remove(`${folder}/c`)
        if (isSynced) disk.syncFolder(folder)
      }
    const look = (folder: string): string => ['a', 'b', 'c'].map((name) => text(`${folder}/${name}`)).join(' ')
    const all = ['new none gone', 'new none none', 'old new gone', 'old new none']
    expect(outcomes(act(false), look)).to.deep.equal(all)
    expect(outcomes(act(true), look)).to.deep.equal(['new none none'])
  })
})
