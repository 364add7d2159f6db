/**
 * Checksums of both sides of a stream. Each airport's records are chained: a checksum holds all before it, in order.
 * The sender keeps the checksum after each record until the reader has come to it; the two must be equal at every
 * record, so one that is lost, repeated or out of place is noticed when it is read.
 */
import { createHash } from 'node:crypto'

const checksumBytes = 6

class Chain {
  value: string = ''

  add(record: string): number {
    const digest = createHash('sha256').update(this.value).update(record).digest()
    this.value = digest.toString('hex')
    return digest.readUIntBE(0, checksumBytes)
  }
}

interface Expected {
  readonly checksums: number[]
  at: number
}

const modulus = 2 ** (8 * checksumBytes)

export class Checksums {
  sentCount = 0
  readCount = 0
  /** What was wrong first; undefined: nothing. */
  difference: string | undefined
  private sentSum = 0
  private readSum = 0
  private readonly sent = new Map<string, Chain>()
  private readonly read = new Map<string, Chain>()
  private readonly expected = new Map<string, Expected>()

  addSent(key: string, record: string): void {
    this.sentCount++
    const checksum = chainOf(this.sent, key).add(record)
    const expected = this.expected.get(key)
    if (expected === undefined) this.expected.set(key, { checksums: [checksum], at: 0 })
    else expected.checksums.push(checksum)
  }

  addRead(key: string, record: string): void {
    this.readCount++
    const found = chainOf(this.read, key).add(record)
    const wanted = this.take(key)
    this.readSum = (this.readSum + found) % modulus
    this.sentSum = (this.sentSum + (wanted ?? 0)) % modulus
    if (wanted === found) return
    const what = wanted === undefined ? 'was read, but not sent, or twice' : 'differs from what was sent at its place'
    this.difference ??= `record ${this.readCount} (${key}) ${what}`
  }

  /** What was sent as of the last record that was read. */
  get senderText(): string {
    return textOf(this.sentSum)
  }

  get readerText(): string {
    return textOf(this.readSum)
  }

  private take(key: string): number | undefined {
    const expected = this.expected.get(key)
    const checksum = expected?.checksums[expected.at]
    if (expected === undefined || checksum === undefined) return undefined
    expected.at++
    if (expected.at === expected.checksums.length || expected.at > 10_000) {
      expected.checksums.splice(0, expected.at)
      expected.at = 0
    }
    return checksum
  }
}

function chainOf(chains: Map<string, Chain>, key: string): Chain {
  let chain = chains.get(key)
  if (chain === undefined) chains.set(key, (chain = new Chain()))
  return chain
}

function textOf(sum: number): string {
  return sum.toString(16).padStart(2 * checksumBytes, '0')
}
