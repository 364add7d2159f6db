/**
 * The framing that Kafka's clients put around snappy blocks (of the snappy-java library, by Xerial). A batch without it
 * is one raw block; both are read.
 * Runs on: clients, browsers. Touches: the bytes it is given. Big-endian.
 *
 *   82 53 4E 41 50 50 59 00 | version: i32 = 1 | compatible: i32 = 1 | then each block: length i32, a raw snappy block
 */

const magic = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]
const headerBytes = 16
/** snappy looks no further back than this, so larger blocks pack no better. */
const blockBytes = 64 * 1024

/** The raw blocks in `bytes`. Throws for a block that is cut off. */
export function xerialBlocks(bytes: Uint8Array): Uint8Array[] {
  if (!magic.every((byte, index) => bytes[index] === byte)) return [bytes]
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const blocks: Uint8Array[] = []
  let position = headerBytes
  while (position < bytes.length) {
    const size = position + 4 <= bytes.length ? view.getUint32(position) : -1
    if (size < 0 || size > bytes.length - position - 4) throw new Error('a snappy block that is cut off')
    blocks.push(bytes.subarray(position + 4, position + 4 + size))
    position += 4 + size
  }
  return blocks
}

/** `bytes` packed by `pack`, block by block. */
export function xerialFrame(bytes: Uint8Array, pack: (block: Uint8Array) => Uint8Array): Uint8Array {
  const blocks: Uint8Array[] = []
  for (let start = 0; start < bytes.length; start += blockBytes)
    blocks.push(pack(bytes.subarray(start, start + blockBytes)))
  const frame = new Uint8Array(blocks.reduce((sum, block) => sum + 4 + block.length, headerBytes))
  const view = new DataView(frame.buffer)
  frame.set(magic)
  view.setInt32(8, 1)
  view.setInt32(12, 1)
  let position = headerBytes
  for (const block of blocks) {
    view.setInt32(position, block.length)
    frame.set(block, position + 4)
    position += 4 + block.length
  }
  return frame
}
