/**
 * Bytes that no good client sends: broken WebSocket frames on an open connection, and HTTP that tries to smuggle.
 * Runs on: the process of a fuzz run. Touches: nothing.
 */
import type { Random } from '../support/random.js'
import { mutated } from './mutate.js'
import { encodeFrame } from './raw-web-socket.js'

const some = Buffer.from('{"op":"ping"}')

/** Frames on an open connection; each list is one attempt. */
const frameShapes: Readonly<Record<string, (random: Random) => Uint8Array[]>> = {
  unmasked: () => [encodeFrame({ opcode: 1, payload: some, isMasked: false })],
  reserved: (random) => [
    encodeFrame({ opcode: 1, payload: some, reservedBits: random.pick([0x40, 0x20, 0x10, 0x70]) }),
  ],
  opcode: (random) => [encodeFrame({ opcode: random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), payload: some })],
  longControl: (random) => [encodeFrame({ opcode: random.pick([8, 9, 10]), payload: new Uint8Array(126) })],
  cutControl: (random) => [encodeFrame({ opcode: random.pick([8, 9, 10]), payload: some, isFinal: false })],
  strayPart: () => [encodeFrame({ opcode: 0, payload: some })],
  interrupted: () => [
    encodeFrame({ opcode: 1, payload: some, isFinal: false }),
    encodeFrame({ opcode: 1, payload: some }),
  ],
  parts: () => [
    encodeFrame({ opcode: 1, payload: some.subarray(0, 4), isFinal: false }),
    encodeFrame({ opcode: 9, payload: some }),
    encodeFrame({ opcode: 0, payload: some.subarray(4, 4), isFinal: false }),
    encodeFrame({ opcode: 0, payload: some.subarray(4) }),
  ],
  neverFinal: () => [
    encodeFrame({ opcode: 2, payload: some, isFinal: false }),
    ...Array.from({ length: 200 }, () => encodeFrame({ opcode: 0, payload: some, isFinal: false })),
  ],
  closeCode: (random) => [
    encodeFrame({
      opcode: 8,
      payload: Buffer.from([...u16(random.pick([0, 999, 1004, 1005, 1006, 1015, 2999, 5000]))]),
    }),
  ],
  shortClose: () => [encodeFrame({ opcode: 8, payload: new Uint8Array(1) })],
  badReason: () => [encodeFrame({ opcode: 8, payload: Buffer.from([...u16(1000), 0xff, 0xfe, 0xc0]) })],
  afterClose: () => [
    encodeFrame({ opcode: 8, payload: Buffer.from(u16(1000)) }),
    encodeFrame({ opcode: 1, payload: some }),
  ],
  badText: () => [encodeFrame({ opcode: 1, payload: Buffer.from([0x7b, 0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80]) })],
  wrongKind: (random) => [encodeFrame({ opcode: random.pick([1, 2]), payload: some })],
  empty: (random) => [encodeFrame({ opcode: random.pick([1, 2]), payload: new Uint8Array(0) })],
  longForm: () => [encodeFrame({ opcode: 1, payload: some, longLength: true })],
  huge: (random) => [
    encodeFrame({
      opcode: 2,
      payload: some,
      saidLength: random.pick([1n << 20n, 1n << 26n, 1n << 31n, 1n << 32n, 1n << 40n, (1n << 63n) - 1n, 1n << 63n]),
    }),
  ],
  pings: () => Array.from({ length: 100 }, (_, index) => encodeFrame({ opcode: 9, payload: Buffer.from([index]) })),
  pongs: () => Array.from({ length: 100 }, () => encodeFrame({ opcode: 10, payload: some })),
  half: (random) => [encodeFrame({ opcode: 2, payload: some }).subarray(0, random.between(1, 10))],
  noise: (random) => [random.bytes(random.between(1, 300))],
  damaged: (random) => [mutated(random, encodeFrame({ opcode: random.pick([1, 2]), payload: some }))],
}

export const frameShapeNames = Object.keys(frameShapes)

export function frameShape(name: string, random: Random): Uint8Array[] {
  return frameShapes[name]!(random)
}

function u16(value: number): number[] {
  return [value >> 8, value & 255]
}

const host = 'Host: 127.0.0.1'
const upgrade = 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13'
const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
const lengthHeader = 'Content-Length: 4\r\n'
const hidden = 'GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'

export interface HttpShape {
  readonly name: string
  readonly bytes: Buffer
  /** How many requests there are, for whoever reads them one way; more answers than this: something was smuggled. */
  readonly mostAnswers: number
}

const httpShapes: readonly (readonly [name: string, text: string, mostAnswers: number])[] = [
  ['plain', `GET /health/live HTTP/1.1\r\n${host}\r\n\r\n`, 1],
  ['two', `GET /health/live HTTP/1.1\r\n${host}\r\n\r\nGET /health/ready HTTP/1.1\r\n${host}\r\n\r\n`, 2],
  [
    'lengthAndChunks',
    `POST /health/live HTTP/1.1\r\n${host}\r\n${lengthHeader}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    1,
  ],
  [
    'twoLengths',
    `POST /health/live HTTP/1.1\r\n${host}\r\nContent-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
    1,
  ],
  ['negativeLength', `POST / HTTP/1.1\r\n${host}\r\nContent-Length: -1\r\n\r\n${hidden}`, 1],
  ['hugeLength', `POST / HTTP/1.1\r\n${host}\r\nContent-Length: 99999999999999999999\r\n\r\nx`, 1],
  ['plusLength', `POST / HTTP/1.1\r\n${host}\r\nContent-Length: +${hidden.length}\r\n\r\n${hidden}`, 1],
  ['lengthOfBody', `POST / HTTP/1.1\r\n${host}\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`, 1],
  ['lengthOnGet', `GET /health/live HTTP/1.1\r\n${host}\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`, 1],
  ['chunkSize', `POST / HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx`, 1],
  ['chunkSign', `POST / HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n`, 1],
  ['oddEncoding', `POST / HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`, 1],
  ['spaceBeforeColon', `POST / HTTP/1.1\r\n${host}\r\nContent-Length : ${hidden.length}\r\n\r\n${hidden}`, 1],
  ['folded', `GET / HTTP/1.1\r\n${host}\r\nX: a\r\n b\r\n\r\n`, 1],
  ['bareLf', `GET /health/live HTTP/1.1\n${host}\n\n`, 1],
  ['nul', `GET /\0 HTTP/1.1\r\n${host}\r\nX: \0\r\n\r\n`, 1],
  ['noHost', 'GET /metrics HTTP/1.1\r\n\r\n', 1],
  ['twoHosts', `GET /metrics HTTP/1.1\r\n${host}\r\nHost: evil.example\r\n\r\n`, 1],
  ['foreignHost', 'GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n', 1],
  ['absolute', `GET http://evil.example/metrics HTTP/1.1\r\n${host}\r\n\r\n`, 1],
  ['connect', `CONNECT evil.example:443 HTTP/1.1\r\n${host}\r\n\r\n`, 1],
  ['version', `GET / HTTP/9.9\r\n${host}\r\n\r\n`, 1],
  ['oldVersion', 'GET /health/live HTTP/1.0\r\n\r\n', 1],
  ['longPath', `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n${host}\r\n\r\n`, 1],
  ['longHeader', `GET / HTTP/1.1\r\n${host}\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`, 1],
  ['manyHeaders', `GET / HTTP/1.1\r\n${host}\r\n${'X: y\r\n'.repeat(5000)}\r\n`, 1],
  ['tls', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 1],
  ['http2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 2],
  ['upgradeNoKey', `GET / HTTP/1.1\r\n${host}\r\n${upgrade}\r\n\r\n`, 1],
  ['upgradeShortKey', `GET / HTTP/1.1\r\n${host}\r\n${upgrade}\r\nSec-WebSocket-Key: x\r\n\r\n`, 1],
  ['upgradePost', `POST / HTTP/1.1\r\n${host}\r\n${upgrade}\r\n${key}\r\n\r\n`, 1],
  ['upgradeOldVersion', `GET / HTTP/1.1\r\n${host}\r\n${upgrade.replace('13', '7')}\r\n${key}\r\n\r\n`, 1],
  [
    'upgradeManyProtocols',
    `GET / HTTP/1.1\r\n${host}\r\n${upgrade}\r\n${key}\r\nSec-WebSocket-Protocol: ${'a,'.repeat(2000)}b\r\n\r\n`,
    1,
  ],
  [
    'upgradeOddProtocol',
    `GET / HTTP/1.1\r\n${host}\r\n${upgrade}\r\n${key}\r\nSec-WebSocket-Protocol: \x7f;"'\r\n\r\n`,
    1,
  ],
]

/** One of the shapes, as it is or damaged. */
export function httpShape(random: Random): HttpShape {
  const [name, text, mostAnswers] = random.pick(httpShapes)
  const bytes = Buffer.from(text, 'latin1')
  if (random.chance(0.7)) return { name, bytes, mostAnswers }
  return { name: `${name} damaged`, bytes: Buffer.from(mutated(random, bytes)), mostAnswers: 50 }
}
