/**
 * The values that a load sends: each says whose and the how manyth it is and when it was due; no two are the same.
 * Runs on: load threads; main reads them back. Touches: its memory, randomness when it is made.
 *
 *  0               8               16        20                        end - 4
 *  +---------------+---------------+---------+-----------------------+---------+
 *  | number: f64   | due: f64, ms  | tag: u32| random bytes or words | seal:u32|    big-endian
 *  +---------------+---------------+---------+-----------------------+---------+
 *
 * tag: of the producer, in this run alone. seal: of number and tag, so that a value that was cut, moved or mixed with
 * another is found; the batch's CRC covers what lies between.
 */
import { randomFillSync } from 'node:crypto'
import type { ValueSizes } from './value-sizes.js'

const numberAt = 0
const dueAt = 8
const tagAt = 16
const bodyAt = 20
const sealBytes = 4
export const headBytes = bodyAt + sealBytes
/** A due time of records that are not measured. */
export const notDue = 0

/** So many bytes of values are made; they come in turn, so that a batch rarely holds two with the same random bytes. */
const poolBytes = 1 << 20
const fewestValues = 64
const mostValues = 8192

export function sealOf(number: number, tag: number): number {
  return (Math.imul(number | 0, 0x9e37_79b1) ^ tag) >>> 0
}

export class ValuePool {
  private readonly values: Buffer[] = []
  private readonly starts: Int32Array
  private readonly seals: Int32Array
  private readonly view: DataView
  private readonly tag: number
  private at = 0
  /** Of the next value; so many were made. */
  count = 0

  /** `isText`: words instead of random bytes, which no codec could pack. */
  constructor(sizes: ValueSizes, tag: number, isText: boolean) {
    const wanted = Math.floor(poolBytes / sizes.meanBytes)
    const valueCount = Math.min(mostValues, Math.max(fewestValues, wanted))
    const lengths = Array.from({ length: valueCount }, () => sizes.sizeFor(Math.random()))
    const bytes = Buffer.alloc(lengths.reduce((sum, length) => sum + length, 0))
    if (isText) fillWithWords(bytes)
    else randomFillSync(bytes)
    this.tag = tag
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.starts = new Int32Array(valueCount)
    this.seals = new Int32Array(valueCount)
    let start = 0
    for (const [index, length] of lengths.entries()) {
      this.starts[index] = start
      this.seals[index] = start + length - sealBytes
      this.view.setUint32(start + tagAt, tag)
      this.values.push(bytes.subarray(start, start + length))
      start += length
    }
  }

  /** The next value; valid until as many others were taken as the pool has. */
  next(dueMs: number): Buffer {
    const { view, at } = this
    const number = this.count++
    const start = this.starts[at]!
    view.setFloat64(start + numberAt, number)
    view.setFloat64(start + dueAt, dueMs)
    view.setUint32(this.seals[at]!, sealOf(number, this.tag))
    this.at = at + 1 === this.values.length ? 0 : at + 1
    return this.values[at]!
  }
}

/** Reads values that lie in bytes that change seldom: one DataView serves all of a batch. */
export class ValueReader {
  private bytes: Uint8Array = new Uint8Array(0)
  private view = new DataView(this.bytes.buffer)
  private start = 0
  private end = 0

  /** False: it is none of ours. */
  over(bytes: Uint8Array, start: number, end: number): boolean {
    if (bytes !== this.bytes) {
      this.bytes = bytes
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    this.start = start
    this.end = end
    return start >= 0 && end - start >= headBytes
  }

  get number(): number {
    return this.view.getFloat64(this.start + numberAt)
  }

  get dueMs(): number {
    return this.view.getFloat64(this.start + dueAt)
  }

  get tag(): number {
    return this.view.getUint32(this.start + tagAt)
  }

  get isSealed(): boolean {
    return this.view.getUint32(this.end - sealBytes) === sealOf(this.number, this.tag)
  }
}

const words =
  'account airport amount bus city code count currency delay device east event flight from gate id kind latitude ' +
  'line longitude name north number order origin passenger price route seat south speed station status stop time ' +
  'to total track train user value vehicle west zone'
const vocabulary = words.split(' ')

/** Text of words at random: gzip makes about a third of it. */
function fillWithWords(bytes: Buffer): void {
  const random = randomFillSync(new Uint32Array(4096))
  let at = 0
  for (let index = 0; at < bytes.length; index++) {
    const drawn = random[index % random.length]! + index
    at += bytes.write(`${vocabulary[drawn % vocabulary.length]}=${(drawn >>> 8) % 100_000};`, at, 'latin1')
  }
}
