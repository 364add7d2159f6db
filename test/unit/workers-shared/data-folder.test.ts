/**
 * A data folder belongs to one broker at a time: locks, stale locks, broker.meta.
 * Runs on: the test process, on real files.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { expect } from 'chai'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { releaseVersion } from '../../../native-free-core/version.js'
import { openDataFolder } from '../../../workers/shared/data-folder.js'
import { createDisk } from '../../../workers/shared/disk.js'
import { MemoryDisk } from '../../support/memory-disk.js'
import { Random } from '../../support/random.js'

const one = 'a'.repeat(32)
const other = 'b'.repeat(32)

function refusal(action: () => unknown): StreamBusError {
  try {
    action()
  } catch (error) {
    if (StreamBusError.is(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('openDataFolder', () => {
  let folder: string
  const open = (brokerId = 0, clusterId = one) => openDataFolder(createDisk(), folder, { brokerId, clusterId })

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'streambus-folder-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('makes a new folder with an identity that stays', () => {
    rmSync(folder, { recursive: true })
    const first = open()
    expect(first).to.include({ clusterId: one, created: true })
    first.unlock()
    const second = open(0, other)
    expect(second).to.include({ clusterId: one, created: false })
    second.unlock()
    expect(readdirSync(folder)).to.have.members(['broker.meta', 'journals', 'metadata', 'topics'])
  })

  it("takes an empty folder and a fresh file system, and leaves one with somebody else's files alone", () => {
    for (const name of ['lost+found', '.snapshots']) mkdirSync(join(folder, name))
    open().unlock()
    rmSync(folder, { recursive: true })
    mkdirSync(folder)
    writeFileSync(join(folder, 'report.csv'), 'a;b\n')
    const error = refusal(() => open())
    expect(error.name).to.equal('DATA_FOLDER_UNUSABLE')
    expect(error.message).to.contain(folder).and.to.contain('report.csv')
    expect(error.remedy).to.contain('STREAMBUS_DATA_FOLDER')
    expect(readdirSync(folder)).to.deep.equal(['report.csv'])
  })

  it('is refused while another has it, with the pid', () => {
    const held = open()
    const error = refusal(() => open())
    expect(error.name).to.equal('DATA_FOLDER_IN_USE')
    expect(error.message).to.contain(String(process.pid))
    held.unlock()
    open().unlock()
  })

  const stale: [string, string][] = [
    ['a process that has ended', `${spawnSync(process.execPath, ['-e', '']).pid} 1 ${bootId()} x\n`],
    ['an earlier process of the same pid', `${process.pid} 1 ${bootId()} x\n`],
    ['another boot of the machine', `${process.pid} 1 elsewhere x\n`],
    ['nobody: the file is empty', ''],
  ]
  for (const [what, text] of stale) {
    it(`takes over the lock of ${what}`, () => {
      writeFileSync(join(folder, 'broker.lock'), text)
      const held = open()
      expect(refusal(() => open()).name).to.equal('DATA_FOLDER_IN_USE')
      held.unlock()
      expect(readdirSync(folder).filter((name) => name.includes('lock'))).to.deep.equal([])
    })
  }

  it('takes over what a broker of this process left locked, once that is known to have ended', () => {
    const start = (lockToken: string, endedLockTokens: readonly string[]) =>
      openDataFolder(createDisk(), folder, { brokerId: 0, clusterId: one, lockToken, endedLockTokens })
    start('first', [])
    expect(refusal(() => start('second', ['another'])).name).to.equal('DATA_FOLDER_IN_USE')
    start('second', ['another', 'first']).unlock()
    expect(readdirSync(folder).filter((name) => name.includes('lock'))).to.deep.equal([])
  })

  it('has all names on the medium when it is open: the power may be cut right after', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const disk = new MemoryDisk({ random: new Random(seed) })
      const { clusterId } = openDataFolder(disk, '/srv/streambus/data', { brokerId: 0, clusterId: one })
      disk.cutPower()
      disk.restart()
      const left = ['journals', 'metadata', 'topics', 'broker.meta'].map((name) => `/srv/streambus/data/${name}`)
      expect(
        left.filter((path) => !disk.exists(path)),
        `seed ${seed}`,
      ).to.deep.equal([])
      const again = { brokerId: 0, clusterId: other, endedLockTokens: [tokenIn(disk)] }
      expect(openDataFolder(disk, '/srv/streambus/data', again).clusterId).to.equal(clusterId)
    }
  })

  it('is refused to a broker of another number', () => {
    open(3).unlock()
    const error = refusal(() => open(4))
    expect(error.name).to.equal('DATA_FOLDER_UNUSABLE')
    expect(error.message).to.contain('belongs to broker 3')
    open(3).unlock()
  })

  it('is refused when a newer version wrote it, naming that', () => {
    open().unlock()
    const path = join(folder, 'broker.meta')
    writeFileSync(path, readFileSync(path, 'utf8').replace('format 1', 'format 2').replace(releaseVersion, '7.8.9'))
    const error = refusal(() => open())
    expect(error.name).to.equal('DATA_FORMAT_TOO_NEW')
    expect(`${error.message} ${error.remedy}`).to.contain('7.8.9')
  })

  it('is refused when journals are there without broker.meta', () => {
    mkdirSync(join(folder, 'journals'))
    writeFileSync(join(folder, 'journals', 'shard-0.journal'), 'x')
    expect(refusal(() => open()).message).to.contain('broker.meta is missing')
    expect(readdirSync(folder)).not.to.include('broker.lock')
  })

  it('is refused when broker.meta is something else', () => {
    writeFileSync(join(folder, 'broker.meta'), 'hello')
    expect(refusal(() => open()).name).to.equal('DATA_FOLDER_UNUSABLE')
  })

  it('says what the system says when the folder is a file', () => {
    writeFileSync(join(folder, 'file'), '')
    const error = refusal(() => openDataFolder(createDisk(), join(folder, 'file'), { brokerId: 0, clusterId: one }))
    expect(error.name).to.equal('DATA_FOLDER_UNUSABLE')
    expect(error.message).to.contain(join(folder, 'file'))
  })
})

describe('releaseVersion', () => {
  it('is that of package.json', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
    expect(releaseVersion).to.equal(version)
  })
})

/** Of the lock that a power cut left, or not; the machine is the same to the test. */
function tokenIn(disk: MemoryDisk): string {
  const path = '/srv/streambus/data/broker.lock'
  if (!disk.exists(path)) return ''
  const bytes = new Uint8Array(disk.sizeOf(path))
  const file = disk.open(path, 'read')
  disk.read(file, bytes, 0)
  disk.close(file)
  return Buffer.from(bytes).toString().trim().split(' ')[3] ?? ''
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}
