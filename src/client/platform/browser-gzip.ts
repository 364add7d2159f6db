/**
 * gzip in browsers, which have none that answers at once: by fflate, with a bound on what it unpacks to.
 * Runs on: browsers, main thread and workers. Touches: the bytes it is given.
 */
import { Gunzip, gzipSync } from 'fflate'

/** Unpacked in steps, because the bound is looked at between them: a step unpacks to 1032 times as much at most. */
const stepBytes = 8 * 1024

export function gzip(bytes: Uint8Array): Uint8Array {
  return gzipSync(bytes, { level: 1 })
}

/**
 * Undefined: it unpacks to more than `maxBytes`. Throws for what is no gzip, for a part of one, and for several members
 * one after another: fflate would give the first only, and no producer of record batches writes those.
 */
export function gunzip(bytes: Uint8Array, maxBytes: number): Uint8Array | undefined {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  const unpacker = new Gunzip((part) => {
    parts.push(part)
    sizeBytes += part.length
  })
  for (let start = 0; start === 0 || start < bytes.length; start += stepBytes) {
    const end = start + stepBytes
    unpacker.push(bytes.subarray(start, end), end >= bytes.length)
    if (sizeBytes > maxBytes) return undefined
  }
  if (sizeBytes % 2 ** 32 !== lengthAtEnd(bytes)) throw new Error('it is cut short, or has several members')
  return joined(parts, sizeBytes)
}

/** Of the last member, as its writer counted it. */
function lengthAtEnd(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(bytes.length - 4, true)
}

function joined(parts: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const whole = new Uint8Array(sizeBytes)
  let position = 0
  for (const part of parts) {
    whole.set(part, position)
    position += part.length
  }
  return whole
}
