/**
 * What `log dump` says of the metadata worker's raft log: each command in words.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { dumpJournal } from '../../../native-free-core/journal/dump.js'
import { crc32cOf } from '../../../native-free-core/log/crc32c.js'
import { encodeCommand, type MetadataCommand } from '../../../native-free-core/metadata/metadata-command.js'
import { writeEnvelope } from '../../../native-free-core/metadata/metadata-envelope.js'
import { MetadataLog } from '../../../workers/metadata/metadata-log.js'
import { MemoryDisk } from '../../support/memory-disk.js'
import { Random } from '../../support/random.js'

const runId = '0123456789abcdef'
const path = '/data/metadata/raft.journal'
const command: MetadataCommand = { type: 'deleteTopic', version: 1, name: 'orders' }
const data = writeEnvelope({ brokerId: 7, runId, sequence: 1 }, encodeCommand(command))

/** Two entries of term 2, of which the second is taken away by term 3; then a vote. */
function writtenLog(): Uint8Array {
  const disk = new MemoryDisk({ random: new Random(1) })
  const options = { disk, folder: '/data/metadata', clusterId: 'c'.repeat(32), brokerId: 0, crc: crc32cOf, runId }
  const { log } = MetadataLog.open({ ...options, mustExist: false, capacityBytes: 1 << 18 })
  const base = { snapshot: undefined, hardState: undefined, mustSync: true, messages: [] }
  const entry = (index: number, term: number) => ({ index, term, type: 0, data })
  log.persist({ ...base, entries: [{ ...entry(1, 2), data: new Uint8Array(0) }, entry(2, 2)] })
  log.persist({ ...base, entries: [entry(2, 3)], hardState: { term: 3, vote: 1, commit: 1 } })
  log.close()
  const bytes = new Uint8Array(disk.sizeOf(path))
  disk.read(disk.open(path, 'read'), bytes, 0)
  return bytes
}

describe('log dump of the raft log', () => {
  it('tells entries with their commands, votes and truncations', () => {
    const lines: string[] = []
    dumpJournal(writtenLog(), path, crc32cOf, (line) => lines.push(line))
    const shown = lines.map((line) => line.trim()).filter((line) => /^(entry|entries|state|snapshot)/.test(line))
    const text = new TextDecoder().decode(encodeCommand(command))
    expect(shown).to.deep.equal([
      'snapshot up to entry 0 of term 0',
      'entry 1 of term 2: nothing (a new term)',
      `entry 2 of term 2: of broker 7: ${text}`,
      'entries from 2 on are taken away',
      `entry 2 of term 3: of broker 7: ${text}`,
      'state: term 3, vote for node 1, committed up to 1',
    ])
    expect(lines[0]).to.contain('metadata, broker 0')
    expect(lines.at(-1)).to.match(/^end: position \d+, 3 commits$/)
  })
})
