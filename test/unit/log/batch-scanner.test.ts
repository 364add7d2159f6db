/**
 * The scanner against windows of every size, and against files that end or break anywhere.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { BatchScanner, type ReadAt } from '../../../native-free-core/log/batch-scanner.js'
import { RecordBatchBuilder } from '../../../native-free-core/log/record-batch-builder.js'
import { Random } from '../../support/random.js'

function fileOf(sizes: readonly number[]): { bytes: Uint8Array; positions: number[] } {
  const builder = new RecordBatchBuilder()
  const parts: Uint8Array[] = []
  const positions: number[] = []
  let at = 0
  for (const size of sizes) {
    builder.reset().append(null, new Random(size).bytes(size), 1)
    const batch = builder.finish().slice()
    positions.push(at)
    at += batch.length
    parts.push(batch)
  }
  return { bytes: Buffer.concat(parts), positions }
}

const readerOf =
  (bytes: Uint8Array): ReadAt =>
  (into, position) => {
    const part = bytes.subarray(position, position + into.length)
    into.set(part)
    return part.length
  }

const { bytes, positions } = fileOf([0, 5000, 1, 439, 440, 441, 2000, 3])

function scanned(scan: BatchScanner): number[] {
  const found: number[] = []
  while (scan.advance()) {
    expect(scan.batch.sizeBytes).to.equal(scan.sizeBytes)
    found.push(scan.position)
  }
  return found
}

describe('the batch scanner', () => {
  it('reads for one header no more than a header and a little', () => {
    const lengths: number[] = []
    const read: ReadAt = (into, position) => {
      lengths.push(into.length)
      return readerOf(bytes)(into, position)
    }
    const scan = new BatchScanner(64 * 1024)
    for (const position of positions)
      expect(scan.over(read, position, bytes.length, 'headers').advance()).to.equal(true)
    expect(Math.max(...lengths)).to.be.at.most(512)
  })

  for (const depth of ['headers', 'crc'] as const) {
    it(`finds every batch through every window (${depth})`, () => {
      for (let windowBytes = 512; windowBytes < 6000; windowBytes += 37) {
        const scan = new BatchScanner(windowBytes).over(readerOf(bytes), 0, bytes.length, depth)
        expect(scanned(scan)).to.deep.equal(positions)
        expect([scan.problem, scan.soundEnd]).to.deep.equal(['ok', bytes.length])
      }
    })

    it(`stops at the last whole batch, wherever the file ends (${depth})`, () => {
      const scanner = new BatchScanner(700)
      for (let end = 0; end <= bytes.length; end += 7) {
        const whole = positions.filter((_, index) => (positions[index + 1] ?? bytes.length) <= end)
        expect(scanned(scanner.over(readerOf(bytes.subarray(0, end)), 0, end, depth))).to.deep.equal(whole)
        // The caller believed that the file was longer.
        expect(scanned(scanner.over(readerOf(bytes.subarray(0, end)), 0, bytes.length, 'crc'))).to.deep.equal(whole)
      }
    })
  }

  it('sees a changed byte in a batch larger than its window', () => {
    const changed = bytes.slice()
    changed[positions[1]! + 4321]! ^= 1
    const scan = new BatchScanner(512).over(readerOf(changed), 0, changed.length, 'crc')
    expect(scanned(scan)).to.deep.equal([0])
    expect([scan.problem, scan.position, scan.soundEnd]).to.deep.equal(['crc', positions[1], positions[1]])
  })

  it('starts in the middle and reads a whole batch on demand', () => {
    const scan = new BatchScanner(512).over(readerOf(bytes), positions[6]!, bytes.length, 'headers')
    expect(scan.advance()).to.equal(true)
    expect(scan.readBatch().validate()).to.equal('ok')
    expect(scan.advance()).to.equal(true)
    expect(scan.position).to.equal(positions[7])
  })
})
