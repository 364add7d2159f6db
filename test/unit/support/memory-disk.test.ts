/**
 * The storage double itself: what it keeps and what it may lose, so that tests on it mean something.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { blockBytes, type Fault, MemoryDisk, type MemoryDiskOptions, PowerCut } from '../../support/memory-disk.js'
import { Random } from '../../support/random.js'

type Options = Omit<MemoryDiskOptions, 'random'>

/** Runs `act` on many disks, cuts the power, and returns the distinct outcomes that `look` sees. */
function outcomes(
  act: (disk: MemoryDisk) => void,
  look: (disk: MemoryDisk) => string,
  options: Options = {},
): string[] {
  const seen = new Set<string>()
  for (let seed = 0; seed < 300; seed++) {
    const disk = new MemoryDisk({ random: new Random(seed), ...options })
    disk.makeFolder('/d')
    disk.syncFolder('/')
    try {
      act(disk)
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error
    }
    disk.cutPower()
    disk.restart()
    seen.add(look(disk))
  }
  return [...seen].sort()
}

function fileOf(disk: MemoryDisk, path: string, text: string): number {
  const file = disk.open(path, 'create')
  disk.write(file, new TextEncoder().encode(text), 0)
  return file
}

function textOf(disk: MemoryDisk, path: string): string {
  if (!disk.exists(path)) return 'none'
  const file = disk.open(path, 'read')
  const bytes = new Uint8Array(disk.size(file))
  disk.read(file, bytes, 0)
  return new TextDecoder().decode(bytes).replaceAll('\0', '0')
}

describe('memory disk', () => {
  it('keeps a file whose data and name were synced', () => {
    const act = (disk: MemoryDisk): void => {
      disk.sync(fileOf(disk, '/d/a', 'x'))
      disk.syncFolder('/d')
    }
    expect(outcomes(act, (disk) => textOf(disk, '/d/a'))).to.deep.equal(['x'])
  })

  it('may lose the name, the data, or only the bytes, of a file that was not synced', () => {
    const act = (disk: MemoryDisk): void => void fileOf(disk, '/d/a', 'x')
    expect(outcomes(act, (disk) => textOf(disk, '/d/a'))).to.deep.equal(['', '0', 'none', 'x'])
  })

  it('keeps a durable write that returned and no other of the same file', () => {
    const act = (disk: MemoryDisk): void => {
      const first = disk.open('/d/a', 'create')
      disk.write(first, new Uint8Array(2 * blockBytes), 0)
      disk.sync(first)
      disk.syncFolder('/d')
      disk.write(first, new Uint8Array([1]), blockBytes)
      disk.write(disk.open('/d/a', 'durable-write'), new Uint8Array([2]), 0)
    }
    const look = (disk: MemoryDisk): string => {
      const text = textOf(disk, '/d/a')
      return `${text.charCodeAt(0)} ${text.charCodeAt(blockBytes) === 1}`
    }
    expect(outcomes(act, look)).to.deep.equal(['2 false', '2 true'])
    expect(outcomes(act, look, { durableWritesAreNot: true })).to.include('48 false')
  })

  it('applies a rename whole or not at all, and only after its folder was synced for certain', () => {
    const act =
      (sync: boolean) =>
      (disk: MemoryDisk): void => {
        disk.sync(fileOf(disk, '/d/a', 'old'))
        disk.sync(fileOf(disk, '/d/b', 'new'))
        disk.syncFolder('/d')
        disk.rename('/d/b', '/d/a')
        if (sync) disk.syncFolder('/d')
      }
    const look = (disk: MemoryDisk): string => `${textOf(disk, '/d/a')} ${textOf(disk, '/d/b')}`
    expect(outcomes(act(false), look)).to.deep.equal(['new none', 'old new'])
    expect(outcomes(act(true), look)).to.deep.equal(['new none'])
    expect(outcomes(act(true), look, { folderSyncsAreNot: true })).to.include('none none')
  })

  it('tears or destroys the blocks of a durable write that the cut met, and no block beside them', () => {
    const fault = (operation: string): Fault => (operation === 'durable write' ? 'power cut' : undefined)
    const act = (disk: MemoryDisk): void => {
      const file = disk.open('/d/a', 'create')
      disk.write(file, new Uint8Array(3 * blockBytes).fill(0x61), 0)
      disk.sync(file)
      disk.syncFolder('/d')
      disk.write(disk.open('/d/a', 'durable-write'), new Uint8Array(blockBytes).fill(0x62), blockBytes)
    }
    const look = (disk: MemoryDisk): string => {
      const text = textOf(disk, '/d/a')
      const beside = text.slice(0, blockBytes) + text.slice(-blockBytes)
      expect(beside).to.equal('a'.repeat(2 * blockBytes))
      const block = text.slice(blockBytes, -blockBytes)
      return /^a+$/.test(block)
        ? 'old'
        : /^b+$/.test(block)
          ? 'new'
          : /^(a+b+|b+a+)$/.test(block)
            ? 'torn'
            : 'destroyed'
    }
    expect(outcomes(act, look, { fault })).to.deep.equal(['destroyed', 'new', 'old', 'torn'])
  })

  it('may keep any of the versions that a block had since its sync', () => {
    const act = (disk: MemoryDisk): void => {
      const file = fileOf(disk, '/d/a', 'abcdef')
      disk.sync(file)
      disk.syncFolder('/d')
      disk.write(file, new TextEncoder().encode('1'), 5)
      disk.write(file, new TextEncoder().encode('22'), 0)
      disk.write(file, new TextEncoder().encode('3'), 1)
    }
    const seen = outcomes(act, (disk) => textOf(disk, '/d/a'))
    expect(seen).to.include.members(['abcdef', 'abcde1', '22cde1', '23cde1'])
    for (const text of seen) expect(text).to.match(/^(abcde[f1]|2[23b]cde[f1])$/)
  })

  it('writes a block whole that is written after its sync failed, with what it held then', () => {
    let fault: Fault
    const act = (disk: MemoryDisk): void => {
      const file = fileOf(disk, '/d/a', 'ab')
      disk.sync(file)
      disk.syncFolder('/d')
      disk.write(file, new TextEncoder().encode('1'), 0)
      fault = 'EIO'
      expect(() => disk.sync(file)).to.throw('EIO')
      fault = undefined
      disk.write(file, new TextEncoder().encode('2'), 1)
    }
    const options = { fault: (operation: string) => (operation === 'sync' ? fault : undefined) }
    expect(outcomes(act, (disk) => textOf(disk, '/d/a'), options)).to.deep.equal(['12', 'ab'])
  })

  it('does not write a block again whose sync failed', () => {
    let calls = 0
    const fault = (operation: string): Fault => (operation === 'sync' && calls++ === 0 ? 'EIO' : undefined)
    const act = (disk: MemoryDisk): void => {
      calls = 0
      const file = fileOf(disk, '/d/a', 'x')
      disk.syncFolder('/d')
      expect(() => disk.sync(file)).to.throw('EIO')
      disk.sync(file)
    }
    expect(outcomes(act, (disk) => textOf(disk, '/d/a'), { fault })).to.deep.equal(['0'])
  })

  it('keeps the page cache when only the process ends', () => {
    const disk = new MemoryDisk({ random: new Random(1) })
    fileOf(disk, '/a', 'x')
    disk.restartProcess()
    expect(textOf(disk, '/a')).to.equal('x')
  })
})
