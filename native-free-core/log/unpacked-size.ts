/**
 * Whether packed bytes unpack to no more than a limit, told before anything is unpacked: the libraries that unpack
 * snappy, lz4 and zstd take no limit, and a few kilobytes can hold gigabytes.
 * Runs on: clients, browsers. Touches: the bytes it is given. Formats: snappy's format_description, lz4_Frame_format
 * with lz4_Block_format, and RFC 8878.
 */

const maxVarintBytes = 5

/** What a raw snappy block says at its start; the libraries hold it to that. Throws for what is no length. */
export function snappyUnpackedBytes(bytes: Uint8Array): number {
  let length = 0
  for (let index = 0; index < maxVarintBytes; index++) {
    const byte = byteAt(bytes, index)
    length += (byte & 127) * 2 ** (7 * index)
    if (byte < 128) return length
  }
  throw new Error('no length at the start of a snappy block')
}

const lz4Magic = 0x184d2204
const lz4MaxBlockBytes = [0, 0, 0, 0, 64 * 1024, 256 * 1024, 1024 * 1024, 4 * 1024 * 1024]
const uncompressedBit = 0x8000_0000
const minMatchBytes = 4

/** For the first frame in `bytes`. Throws for what is no lz4 frame. */
export function isLz4FrameWithin(bytes: Uint8Array, maxBytes: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 7 || view.getUint32(0, true) !== lz4Magic) throw new Error('no lz4 frame')
  const flags = bytes[4]!
  const maxBlockBytes = lz4MaxBlockBytes[(bytes[5]! >> 4) & 7]!
  if (maxBlockBytes === 0) throw new Error('an lz4 frame of an unknown block size')
  const checksumBytes = (flags & 16) !== 0 ? 4 : 0
  let position = 7 + ((flags & 8) !== 0 ? 8 : 0) + ((flags & 1) !== 0 ? 4 : 0)
  let unpackedBytes = 0
  for (;;) {
    if (position + 4 > bytes.length) throw new Error('an lz4 frame that is cut off')
    const word = view.getUint32(position, true)
    if (word === 0) return true
    const isPlain = (word & uncompressedBit) !== 0
    const size = word & ~uncompressedBit
    const start = position + 4
    if (size > bytes.length - start) throw new Error('an lz4 block that is cut off')
    unpackedBytes += isPlain ? size : lz4BlockBytes(bytes, start, start + size, maxBlockBytes)
    if (unpackedBytes > maxBytes) return false
    position = start + size + checksumBytes
  }
}

/** By its tokens: nothing is copied. */
function lz4BlockBytes(bytes: Uint8Array, start: number, end: number, maxBlockBytes: number): number {
  let position = start
  let unpackedBytes = 0
  while (position < end) {
    const token = bytes[position++]!
    let literals = token >> 4
    if (literals === 15) {
      let more = 255
      while (more === 255) {
        more = byteAt(bytes, position++)
        literals += more
      }
    }
    position += literals
    unpackedBytes += literals
    if (position >= end) break
    position += 2
    let match = (token & 15) + minMatchBytes
    if ((token & 15) === 15) {
      let more = 255
      while (more === 255) {
        more = byteAt(bytes, position++)
        match += more
      }
    }
    unpackedBytes += match
  }
  if (unpackedBytes > maxBlockBytes) throw new Error('an lz4 block that unpacks to more than its frame allows')
  return unpackedBytes
}

const zstdMagic = 0xfd2fb528
const skippableMagic = 0x184d2a50
const zstdMaxBlockBytes = 128 * 1024
const ZstdBlock = { raw: 0, rle: 1, compressed: 2 } as const

/**
 * For all frames in `bytes`. A compressed block counts as large as it may become, so that up to 128 KiB too much are
 * assumed for each frame. Throws for what is no zstd frame.
 */
export function isZstdWithin(bytes: Uint8Array, maxBytes: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const total = { unpackedBytes: 0 }
  let position = 0
  if (bytes.length === 0) throw new Error('no zstd frame')
  while (position < bytes.length) {
    if (position + 8 > bytes.length) throw new Error('a zstd frame that is cut off')
    const magic = view.getUint32(position, true)
    if ((magic & 0xffff_fff0) >>> 0 === skippableMagic) position += 8 + view.getUint32(position + 4, true)
    else if (magic === zstdMagic) position = zstdFrameEnd(bytes, position, total, maxBytes)
    else throw new Error('no zstd frame')
    if (total.unpackedBytes > maxBytes) return false
  }
  return true
}

function zstdFrameEnd(bytes: Uint8Array, start: number, total: { unpackedBytes: number }, maxBytes: number): number {
  const descriptor = byteAt(bytes, start + 4)
  const isSingleSegment = (descriptor & 32) !== 0
  const sizeFlag = descriptor >> 6
  const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 2 ** sizeFlag
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!
  const blockBytes = isSingleSegment ? zstdMaxBlockBytes : zstdBlockBytes(byteAt(bytes, start + 5))
  let position = start + 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes
  for (let isLast = false; !isLast; ) {
    const header = byteAt(bytes, position) | (byteAt(bytes, position + 1) << 8) | (byteAt(bytes, position + 2) << 16)
    isLast = (header & 1) === 1
    const type = (header >> 1) & 3
    const size = header >>> 3
    if (type === 3) throw new Error('a zstd block of an unknown type')
    position += 3 + (type === ZstdBlock.rle ? 1 : size)
    total.unpackedBytes += type === ZstdBlock.compressed ? blockBytes : size
    if (total.unpackedBytes > maxBytes) return bytes.length
  }
  return position + ((descriptor & 4) !== 0 ? 4 : 0)
}

function zstdBlockBytes(windowDescriptor: number): number {
  const base = 2 ** (10 + (windowDescriptor >> 3))
  return Math.min(zstdMaxBlockBytes, base + (base / 8) * (windowDescriptor & 7))
}

function byteAt(bytes: Uint8Array, position: number): number {
  const byte = bytes[position]
  if (byte === undefined) throw new Error('packed bytes that are cut off')
  return byte
}
