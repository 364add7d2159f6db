/**
 * What `log dump` says of each kind of file.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { dumpFile, type DumpOptions } from '../../../native-free-core/log/dump.js'
import { ProducerState } from '../../../native-free-core/log/producer-state.js'
import { RecordBatchView } from '../../../native-free-core/log/record-batch.js'
import { RecordBatchBuilder } from '../../../native-free-core/log/record-batch-builder.js'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

function linesOf(name: string, bytes: Uint8Array, options?: DumpOptions): string[] {
  const read = (into: Uint8Array, position: number): number => {
    const part = bytes.subarray(position, position + into.length)
    into.set(part)
    return part.length
  }
  return [...dumpFile({ name, sizeBytes: bytes.length, read }, options)]
}

function segment(): Uint8Array {
  const builder = new RecordBatchBuilder()
  builder.append(utf8('k'), utf8('v'), 7, [{ key: utf8('h'), value: null }])
  builder.append(null, Uint8Array.of(255, 0), 9)
  const bytes = builder.finish({ producerId: 5, producerEpoch: 1, baseSequence: 3 }).slice()
  const batch = new RecordBatchView(bytes)
  batch.baseOffset = 40
  batch.partitionLeaderEpoch = 2
  return bytes
}

describe('log dump', () => {
  it('describes batches, and records when asked', () => {
    const bytes = segment()
    const crc = new RecordBatchView(bytes).crc
    const name = '00000000000000000040.log'
    expect(linesOf(name, bytes, { withRecords: true })).to.deep.equal([
      `baseOffset: 40 lastOffset: 41 count: 2 position: 0 size: ${bytes.length} leaderEpoch: 2 timestamps: 7 to 9 ` +
        `codec: none producerId: 5 epoch: 1 baseSequence: 3 crc: ${crc} valid`,
      '| offset: 40 timestamp: 7 key: "k" value: "v" headers: h=null',
      '| offset: 41 timestamp: 9 key: null value: 0xff00',
      `${name}: 1 batches, 2 records, ${bytes.length} of ${bytes.length} bytes sound`,
    ])
    expect(linesOf(name, bytes)).to.have.lengthOf(2)
  })

  it('says where a segment is damaged', () => {
    const bytes = new Uint8Array([...segment(), ...segment()])
    bytes[bytes.length - 1]! ^= 1
    const lines = linesOf('00000000000000000040.log', bytes)
    const half = bytes.length / 2
    expect(lines[1]).to.equal(`DAMAGED: the batch at byte ${half} fails its CRC-32C; ${half} bytes are unread`)
  })

  it('describes indexes, snapshots and checkpoints', () => {
    const index = new DataView(new ArrayBuffer(11))
    index.setInt32(0, 3)
    index.setInt32(4, 500)
    expect(linesOf('00000000000000000040.index', new Uint8Array(index.buffer))).to.deep.equal([
      'offset: 43 position: 500',
      '00000000000000000040.index: 1 entries, TORN: 3 bytes after the last',
    ])
    expect(linesOf('00000000000000000040.timeindex', new Uint8Array(12))).to.deep.equal([
      'timestamp: 0 offset: 40',
      '00000000000000000040.timeindex: 1 entries',
    ])
    const state = new ProducerState()
    state.append(5, 1, 3, 2, 40, 9)
    expect(linesOf('00000000000000000042.snapshot', state.encodeSnapshot())[0]).to.equal(
      'producerId: 5 epoch: 1 sequences: 3 to 4 offsets: 40 to 41 timestamp: 9',
    )
    expect(linesOf('leader-epoch-checkpoint', utf8('0\n1\n2 40\n'))[0]).to.equal('leaderEpoch: 2 startOffset: 40')
    expect(linesOf('partition.metadata', utf8('version: 0\ntopic_id: ASNFZ4mrze8BI0VniavN7w\n'))).to.deep.equal([
      'topicId: 0123456789abcdef0123456789abcdef',
    ])
  })

  it('refuses a file that is none of a partition', () => {
    expect(() => linesOf('notes.txt', utf8('x'))).to.throw('notes.txt is no file of a partition')
  })
})
