/**
 * The data of a raft entry: who proposed it, then the command.
 * Runs on: the metadata worker, the simulator, `log dump`. Touches: the bytes it is given. Little-endian.
 *
 *  0          4            8                16               24
 *  +----------+------------+----------------+----------------+- - - - - - - - -+
 *  | format   | broker id  | run id         | sequence: u64  | command, JSON   |
 *  | u32 = 1  | u32        | 8 bytes        |                |                 |
 *  +----------+------------+----------------+----------------+- - - - - - - - -+
 */
import { readUint64LE, writeUint64LE } from '../bytes/int64.js'
import { StreamBusError } from '../errors/streambus-error.js'
import { runIds } from '../journal/commit-format.js'

export interface Envelope {
  readonly brokerId: number
  readonly runId: string
  readonly sequence: number
}

const envelopeFormat = 1
const envelopeBytes = 24

export function writeEnvelope({ brokerId, runId, sequence }: Envelope, command: Uint8Array): Uint8Array {
  const data = new Uint8Array(envelopeBytes + command.length)
  const view = new DataView(data.buffer)
  view.setUint32(0, envelopeFormat, true)
  view.setUint32(4, brokerId, true)
  runIds.write(view, 8, runId)
  writeUint64LE(view, 16, sequence)
  data.set(command, envelopeBytes)
  return data
}

/** `command` is a view. Throws UNSUPPORTED_VERSION for a format of a newer release. */
export function readEnvelope(data: Uint8Array): Envelope & { readonly command: Uint8Array } {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const format = view.getUint32(0, true)
  if (format !== envelopeFormat) {
    throw new StreamBusError('UNSUPPORTED_VERSION', `a metadata entry has format ${format}; expected ${envelopeFormat}`)
  }
  return {
    brokerId: view.getUint32(4, true),
    runId: runIds.read(view, 8),
    sequence: readUint64LE(view, 16),
    command: data.subarray(envelopeBytes),
  }
}
