/**
 * Buffers for record batches on their way from a ring or journal to sockets: each has room for a header in front.
 * Runs on: main. Touches: its own memory.
 */
import { assert } from '../../native-free-core/errors/assert.js'
import { batchRecordCount, batchSizeBytes } from '../../native-free-core/log/record-batch.js'

/** Room before the batches, for the head of the message that carries them. */
export const headroomBytes = 64
const smallestBytes = 16 * 1024
const keptBytes = 8 << 20

/** Batches in bytes[start, end). */
export interface Block {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly start: number
  end: number
}

export class BlockPool {
  private readonly free = new Map<number, Block[]>()
  private freeBytes = 0

  /** A block for `lengthBytes`; give it back with `release`. */
  take(lengthBytes: number): Block {
    const size = sizeFor(lengthBytes + headroomBytes)
    const block = this.free.get(size)?.pop()
    if (block === undefined) return newBlock(size, lengthBytes)
    this.freeBytes -= size
    block.end = headroomBytes + lengthBytes
    return block
  }

  release(block: Block): void {
    const size = block.bytes.length
    if (this.freeBytes + size > keptBytes) return
    const blocks = this.free.get(size)
    if (blocks === undefined) this.free.set(size, [block])
    else {
      assert(!blocks.includes(block), 'a block is released twice')
      blocks.push(block)
    }
    this.freeBytes += size
  }
}

/** In the headers of its batches. */
export function recordCountOf({ view, start, end }: Block): number {
  let count = 0
  for (let at = start; at < end; at += batchSizeBytes(view, at)) count += batchRecordCount(view, at)
  return count
}

function newBlock(size: number, lengthBytes: number): Block {
  const bytes = new Uint8Array(size)
  return { bytes, view: new DataView(bytes.buffer), start: headroomBytes, end: headroomBytes + lengthBytes }
}

/** The next power of two, so that blocks fit again. */
function sizeFor(bytes: number): number {
  let size = smallestBytes
  while (size < bytes) size *= 2
  return size
}
