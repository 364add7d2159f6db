/**
 * Damages bytes and texts in the ways that find mistakes: lengths, counts, edges, cuts, repetition.
 * Runs on: the process of a fuzz run. Touches: copies of what it is given.
 */
import type { Random } from '../support/random.js'

const edges32 = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff]

/** A number of 32 bits that is often at an edge. */
export function oddNumber(random: Random): number {
  return random.chance(0.8) ? random.pick(edges32) : random.word()
}

type Mutation = (random: Random, bytes: Uint8Array) => Uint8Array

function flipBit(random: Random, bytes: Uint8Array): Uint8Array {
  if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
  return bytes
}

function setByte(random: Random, bytes: Uint8Array): Uint8Array {
  if (bytes.length > 0)
    bytes[random.below(bytes.length)] = random.pick([0, 1, 0x7f, 0x80, 0xfe, 0xff, random.below(256)])
  return bytes
}

function setNumber(random: Random, bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4) return setByte(random, bytes)
  const at = random.below(bytes.length - 3)
  if (random.chance(0.5)) view.setUint16(at, oddNumber(random) & 0xffff)
  else view.setUint32(at, oddNumber(random))
  return bytes
}

function nudge(random: Random, bytes: Uint8Array): Uint8Array {
  if (bytes.length > 0) bytes[random.below(bytes.length)]! += random.pick([1, -1])
  return bytes
}

function truncate(random: Random, bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, random.below(bytes.length + 1))
}

function extend(random: Random, bytes: Uint8Array): Uint8Array {
  return joined([bytes, random.bytes(random.between(1, 40))])
}

function removePart(random: Random, bytes: Uint8Array): Uint8Array {
  const start = random.below(bytes.length + 1)
  return joined([bytes.subarray(0, start), bytes.subarray(start + random.between(1, 16))])
}

function repeatPart(random: Random, bytes: Uint8Array): Uint8Array {
  const start = random.below(bytes.length + 1)
  return joined([bytes.subarray(0, start + random.between(1, 16)), bytes.subarray(start)])
}

/** The longest form of a varint, never ending at worst. */
function runOn(random: Random, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return bytes
  const at = random.below(bytes.length)
  bytes.fill(random.pick([0xff, 0x80]), at, at + random.between(1, 10))
  return bytes
}

const mutations: readonly Mutation[] = [
  flipBit,
  setByte,
  setNumber,
  setNumber,
  nudge,
  truncate,
  extend,
  removePart,
  repeatPart,
  runOn,
]

/** A damaged copy: one to three mutations. */
export function mutated(random: Random, bytes: Uint8Array): Uint8Array {
  let result: Uint8Array = new Uint8Array(bytes)
  for (let count = random.pick([1, 1, 1, 2, 3]); count > 0; count--) result = random.pick(mutations)(random, result)
  return result
}

const hostileTexts = [
  '',
  ' ',
  '\0',
  '..',
  '/',
  '../../etc/passwd',
  '%00',
  '__proto__',
  'constructor',
  'null',
  '\u202e',
  '\ud800',
  '{"a":',
  '[[[[[[',
  '"',
  '\\u0000',
  '9'.repeat(400),
  '-0',
  '1e999',
  'A'.repeat(300),
  '💥',
] as const

/** A damaged copy of a text, at the level of its characters. */
export function mutatedText(random: Random, text: string): string {
  const at = random.below(text.length + 1)
  switch (random.below(6)) {
    case 0:
      return text.slice(0, at)
    case 1:
      return text.slice(0, at) + random.pick(hostileTexts) + text.slice(at)
    case 2:
      return text.slice(0, at) + text.slice(at + random.between(1, 8))
    case 3:
      return text.slice(0, at) + text.slice(Math.max(0, at - 12), at) + text.slice(at)
    case 4:
      return text.slice(0, at) + String.fromCharCode(random.below(0x10000)) + text.slice(at + 1)
    default:
      return text.replace(/\d+/, () =>
        String(random.pick([-1, 0, 1.5, 1e21, 2 ** 53, -(2 ** 53), 0xffff_ffff, 2 ** 32])),
      )
  }
}

/** A value of JSON that nobody asked for. */
export function oddValue(random: Random, depth = 0): unknown {
  switch (random.below(depth > 3 ? 5 : 8)) {
    case 0:
      return random.pick([null, true, false])
    case 1:
      return random.pick([0, -1, 1.5, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e300])
    case 2:
      return random.pick(hostileTexts)
    case 3:
      return random.word()
    case 4:
      return String.fromCharCode(random.below(0x10000)).repeat(random.below(50))
    case 5:
      return Array.from({ length: random.below(5) }, () => oddValue(random, depth + 1))
    case 6: {
      let nested: unknown = 1
      for (let level = random.between(1, 200); level > 0; level--) nested = [nested]
      return nested
    }
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(4) }, () => [random.pick(hostileTexts), oddValue(random, depth + 1)]),
      )
  }
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
