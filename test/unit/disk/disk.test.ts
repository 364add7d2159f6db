/**
 * The real disk: short counts, many views, modes, errors with path and remedy.
 * Runs on: the test process. Touches: a temporary folder.
 */
import { expect } from 'chai'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import {
  createDisk,
  directAlignment,
  durableWrite,
  type FileHandle,
  loadDisk,
  maxViewsPerWrite,
  RealDisk,
  systemErrorCode,
} from '../../../workers/shared/disk.js'
import { pageAlignedMemory } from '../../../native-free-core/bytes/page-aligned-memory.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { canWriteDirectly } from '../../support/direct-writes.js'
import { openFilesOf } from '../../support/open-files.js'
import { Random } from '../../support/random.js'

/** Takes at most a few bytes at a time, as the system may. */
class ShortDisk extends RealDisk {
  calls = 0

  protected override rawWrite(file: FileHandle, views: readonly Uint8Array[], position: number): number {
    this.calls++
    const random = new Random(this.calls)
    const first = views.find((view) => view.length > 0)!
    const second = views[views.indexOf(first) + 1]
    const taken = [first.subarray(0, random.between(1, first.length))]
    if (taken[0]!.length === first.length && second !== undefined && random.chance(0.5)) {
      taken.push(second.subarray(0, random.between(0, second.length)))
    }
    return super.rawWrite(file, taken, position)
  }
}

class StuckDisk extends RealDisk {
  protected override rawWrite(): number {
    return 0
  }
}

describe('the real disk', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(`${tmpdir()}/streambus-disk-`)
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const thrownBy = (call: () => unknown): StreamBusError => {
    try {
      call()
    } catch (error) {
      if (StreamBusError.is(error)) return error
      throw error
    }
    throw new Error('nothing was thrown')
  }

  it('continues short writes until every byte is there', () => {
    const disk = new ShortDisk()
    const random = new Random(9)
    const views = [100, 0, 1, 333, 0, 77].map((length) => random.bytes(length))
    const file = disk.open(`${folder}/f`, 'create-new')
    disk.writev(file, views, 10)
    disk.write(file, views[3]!, 2000)
    disk.close(file)
    const content = readFileSync(`${folder}/f`)
    expect(content.subarray(10, 521)).to.deep.equal(Buffer.concat(views))
    expect(content.subarray(2000)).to.deep.equal(Buffer.from(views[3]!))
    expect(disk.calls).to.be.greaterThan(6)
  })

  it('writes more views than one system call takes', () => {
    const disk = createDisk()
    const views = Array.from({ length: 2 * maxViewsPerWrite + 5 }, (_, index) => Uint8Array.of(index, index >> 8))
    const file = disk.open(`${folder}/f`, 'create')
    disk.writev(file, views, 0)
    disk.writev(file, [], 0)
    disk.close(file)
    expect(readFileSync(`${folder}/f`)).to.deep.equal(Buffer.concat(views))
  })

  it('gives up on a system that takes no bytes', () => {
    const disk = new StuckDisk()
    const file = disk.open(`${folder}/f`, 'create')
    expect(() => disk.write(file, new Uint8Array(5), 0)).to.throw('the system took 0 of 5 bytes')
    disk.close(file)
  })

  it('reads up to the end of the file, from and into shared memory', () => {
    const disk = createDisk()
    const file = disk.open(`${folder}/f`, 'create')
    const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(7)
    disk.write(file, shared, 0)
    const into = new Uint8Array(new SharedArrayBuffer(10))
    expect(disk.read(file, into, 3)).to.equal(5)
    expect([...into]).to.deep.equal([7, 7, 7, 7, 7, 0, 0, 0, 0, 0])
    expect(disk.read(file, into, 100)).to.equal(0)
    expect([disk.size(file), disk.sizeOf(`${folder}/f`)]).to.deep.equal([8, 8])
    disk.truncate(file, 2)
    expect(disk.size(file)).to.equal(2)
    disk.sync(file)
    disk.close(file)
  })

  it('opens for durable writes only what exists, and says how they become durable', () => {
    const disk = createDisk()
    expect(systemErrorCode(thrownBy(() => disk.open(`${folder}/f`, 'durable-write')))).to.equal('ENOENT')
    writeFileSync(`${folder}/f`, '')
    const file = disk.open(`${folder}/f`, 'durable-write')
    disk.write(file, Uint8Array.of(1), 0)
    disk.close(file)
    expect(readFileSync(`${folder}/f`)).to.have.lengthOf(1)
    expect(durableWrite).to.equal(process.platform === 'linux' ? 'O_DSYNC' : durableWrite)
  })

  it('says operation, path, cause and remedy when it fails', () => {
    const disk = createDisk()
    const missing = thrownBy(() => disk.open(`${folder}/none`, 'read'))
    expect(missing.message).to.match(/none: open \(read\) failed: ENOENT/)
    expect([missing.name, missing.remedy]).to.deep.equal([
      'KAFKA_STORAGE_ERROR',
      'Restore the file, or correct the path.',
    ])
    const file = disk.open(`${folder}/f`, 'create')
    expect(systemErrorCode(thrownBy(() => disk.open(`${folder}/f`, 'create-new')))).to.equal('EEXIST')
    disk.close(file)
    expect(thrownBy(() => disk.write(file, new Uint8Array(1), 0)).message).to.match(/descriptor \d+: write at 0 failed/)
    expect(thrownBy(() => disk.list(`${folder}/f`)).message).to.match(/f: list failed: ENOTDIR/)
    expect(systemErrorCode(new Error('no code'))).to.equal(undefined)
  })

  it('makes, lists, renames and removes', () => {
    const disk = createDisk()
    disk.makeFolder(`${folder}/a/b`)
    for (const name of ['z', 'y', 'x']) writeFileSync(`${folder}/a/b/${name}`, '')
    disk.rename(`${folder}/a/b/z`, `${folder}/a/b/w`)
    expect(disk.list(`${folder}/a/b`)).to.deep.equal(['w', 'x', 'y'])
    disk.remove(`${folder}/a/b/w`)
    expect([disk.exists(`${folder}/a/b/w`), disk.exists(`${folder}/a/b/x`)]).to.deep.equal([false, true])
    disk.syncFolder(`${folder}/a/b`)
    disk.removeFolder(`${folder}/a`)
    disk.removeFolder(`${folder}/a`)
    expect(disk.list(folder)).to.deep.equal([])
    expect(disk.freeBytes(folder)).to.be.greaterThan(0)
  })

  it('is replaced by a module that exports another', async () => {
    writeFileSync(`${folder}/double.mjs`, 'export const createDisk = () => "a double"')
    expect(await loadDisk({ diskModule: `${folder}/double.mjs` })).to.equal('a double')
    expect(await loadDisk({})).to.be.instanceOf(RealDisk)
    writeFileSync(`${folder}/empty.mjs`, '')
    let message = ''
    await loadDisk({ diskModule: `${folder}/empty.mjs` }).catch((error: Error) => {
      message = error.message
    })
    expect(message).to.match(/empty\.mjs exports no createDisk\(\)/)
  })

  it('refuses a folder where the system lets none be made, instead of trying for ever', function () {
    if (process.platform !== 'linux') this.skip()
    expect(() => new RealDisk().makeFolder('/proc/streambus/data')).to.throw(/make the folder failed/)
  })

  it('writes past the page cache from memory that lies right, and says so where it can not', function () {
    const disk = createDisk()
    const path = `${folder}/direct`
    writeFileSync(path, new Uint8Array(4 * directAlignment))
    const memory = new Uint8Array(pageAlignedMemory(65_536))
    const file = disk.openDirect(path, memory, 'durable-write')
    if (file === undefined) this.skip()
    memory.fill(7)
    disk.write(file, memory.subarray(directAlignment, 3 * directAlignment), directAlignment)
    disk.close(file)
    const found = readFileSync(path)
    expect([...found.subarray(directAlignment - 1, directAlignment + 1)]).to.deep.equal([0, 7])
    expect([...found.subarray(3 * directAlignment - 1, 3 * directAlignment + 1)]).to.deep.equal([7, 0])
    expect(disk.openDirect(path, memory.subarray(1), 'durable-write')).to.equal(undefined)
    expect(disk.openDirect(`${folder}/missing`, memory, 'durable-write')).to.equal(undefined)
  })

  it('appends past the page cache whatever the position, and however few bytes are taken at a time', () => {
    for (const disk of [new RealDisk(), new ShortDisk()]) {
      disk.appendsDirectly = true
      const random = new Random(7)
      const path = `${folder}/appended-${disk.constructor.name}`
      const file = disk.open(path, 'create')
      const expected: Buffer[] = []
      let position = 0
      // A disk that takes a few bytes a time takes long for much.
      const largest = disk instanceof ShortDisk ? 50_000 : 3_000_000
      for (let round = 0; round < 12; round++) {
        const views = Array.from({ length: random.between(1, 5) }, () =>
          Buffer.alloc(random.between(1, largest / 5), random.between(1, 255)),
        )
        disk.append(file, views, position)
        expected.push(...views)
        position += views.reduce((sum, view) => sum + view.length, 0)
        expect(disk.size(file)).to.equal(position)
      }
      expect(readFileSync(path).equals(Buffer.concat(expected))).to.equal(true)
      const handles = () => openFilesOf((open) => open === path).map(({ isDirect }) => isDirect)
      const isLinux = process.platform === 'linux'
      if (isLinux) expect(handles()).to.have.members(canWriteDirectly(path) ? [false, true] : [false])
      disk.close(file)
      if (isLinux) expect(handles()).to.deep.equal([])
    }
  })
})
