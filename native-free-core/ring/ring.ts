/**
 * The two ends of a ring in shared memory: one thread writes, one reads, no locks.
 * Runs on: the producing and the consuming thread. Touches: the ring's memory.
 * Invariant: bytes between head and tail belong to the consumer, all others to the producer.
 */
import { assert } from '../errors/assert.js'
import {
  isRingCapacity,
  ringFrameBytes,
  ringFrameHeaderBytes,
  ringHeaderBytes,
  ringHeadIndex,
  ringPaddingType,
  ringSizeBytes,
  ringTailIndex,
  ringUnitShift,
} from './ring-layout.js'

/** Memory for a ring. `capacityBytes`: a power of two from 4 KiB to 1 GiB. */
export function createRing(capacityBytes: number): SharedArrayBuffer {
  assert(isRingCapacity(capacityBytes), 'ring capacity must be a power of two from 4 KiB to 1 GiB')
  return new SharedArrayBuffer(ringSizeBytes(capacityBytes))
}

/** The largest body that always fits into an empty ring, wherever its lap stands. */
export function largestBodyBytes(capacityBytes: number): number {
  return capacityBytes / 2 - ringFrameHeaderBytes
}

export class RingProducer {
  /** The ring's frames as bytes; write a claimed frame's body here, from `claim`'s position on. */
  readonly bytes: Uint8Array
  readonly view: DataView
  private readonly counters: Int32Array
  private readonly words: Int32Array
  private readonly capacityUnits: number
  private readonly mask: number
  private tail: number
  private cachedHead: number
  private claimedUnits = 0
  readonly capacityBytes: number

  constructor(memory: SharedArrayBuffer) {
    this.capacityBytes = memory.byteLength - ringHeaderBytes
    this.counters = new Int32Array(memory, 0, ringHeaderBytes / 4)
    this.words = new Int32Array(memory, ringHeaderBytes)
    this.bytes = new Uint8Array(memory, ringHeaderBytes)
    this.view = new DataView(memory, ringHeaderBytes)
    this.capacityUnits = this.capacityBytes >> ringUnitShift
    this.mask = this.capacityUnits - 1
    this.tail = Atomics.load(this.counters, ringTailIndex)
    this.cachedHead = Atomics.load(this.counters, ringHeadIndex)
  }

  /** Bytes that are free now. A frame may need up to twice its size, when it has to skip to the next lap. */
  freeBytes(): number {
    this.cachedHead = Atomics.load(this.counters, ringHeadIndex)
    return this.capacityBytes - (((this.tail - this.cachedHead) | 0) << ringUnitShift)
  }

  /** Bytes that wait for the consumer. */
  usedBytes(): number {
    return this.capacityBytes - this.freeBytes()
  }

  /**
   * Reserves a frame; returns the position of its body in `bytes`, or -1 when the ring is full.
   * Fill the body, then `publish`. Nothing is visible to the consumer before that.
   */
  claim(type: number, bodyBytes: number): number {
    assert(this.claimedUnits === 0, 'a ring frame was claimed and not published')
    const units = ringFrameBytes(bodyBytes) >> ringUnitShift
    const index = this.tail & this.mask
    const untilEnd = this.capacityUnits - index
    const padding = units > untilEnd ? untilEnd : 0
    if (!this.hasRoom(units + padding)) return -1
    if (padding > 0) this.writeHeader(index, untilEnd << ringUnitShift, ringPaddingType)
    const at = padding > 0 ? 0 : index
    this.writeHeader(at, bodyBytes + ringFrameHeaderBytes, type)
    this.claimedUnits = units + padding
    return (at << ringUnitShift) + ringFrameHeaderBytes
  }

  /** Makes the claimed frame visible. Ring the consumer's doorbell afterwards. */
  publish(): void {
    assert(this.claimedUnits > 0, 'publish without a claimed frame')
    this.tail = (this.tail + this.claimedUnits) | 0
    this.claimedUnits = 0
    Atomics.store(this.counters, ringTailIndex, this.tail)
  }

  private hasRoom(units: number): boolean {
    const used = (this.tail - this.cachedHead) | 0
    if (used + units <= this.capacityUnits) return true
    this.cachedHead = Atomics.load(this.counters, ringHeadIndex)
    return ((this.tail - this.cachedHead) | 0) + units <= this.capacityUnits
  }

  private writeHeader(unitIndex: number, length: number, type: number): void {
    this.words[unitIndex * 2] = length
    this.words[unitIndex * 2 + 1] = type
  }
}

export class RingConsumer {
  readonly bytes: Uint8Array
  readonly view: DataView
  private readonly counters: Int32Array
  private readonly words: Int32Array
  private readonly mask: number
  private head: number
  private frameUnits = 0
  /** Of the frame that `next` found: its type, where its body starts in `bytes`, how long it is. */
  type = 0
  bodyPosition = 0
  bodyBytes = 0

  constructor(memory: SharedArrayBuffer) {
    this.counters = new Int32Array(memory, 0, ringHeaderBytes / 4)
    this.words = new Int32Array(memory, ringHeaderBytes)
    this.bytes = new Uint8Array(memory, ringHeaderBytes)
    this.view = new DataView(memory, ringHeaderBytes)
    this.mask = ((memory.byteLength - ringHeaderBytes) >> ringUnitShift) - 1
    this.head = Atomics.load(this.counters, ringHeadIndex)
  }

  isEmpty(): boolean {
    return Atomics.load(this.counters, ringTailIndex) === this.head
  }

  /** Finds the next frame; false when there is none. Its body stays valid until `release`. */
  next(): boolean {
    assert(this.frameUnits === 0, 'next before release')
    if (this.isEmpty()) return false
    let index = this.head & this.mask
    if (this.words[index * 2 + 1] === ringPaddingType) {
      this.advance(this.words[index * 2]! >> ringUnitShift)
      // A padding frame is published together with the frame behind it.
      index = this.head & this.mask
      assert(!this.isEmpty(), 'padding without a frame behind it')
    }
    const length = this.words[index * 2]!
    this.type = this.words[index * 2 + 1]!
    this.bodyBytes = length - ringFrameHeaderBytes
    this.bodyPosition = (index << ringUnitShift) + ringFrameHeaderBytes
    this.frameUnits = ringFrameBytes(this.bodyBytes) >> ringUnitShift
    return true
  }

  /** Leaves the frame where it is: `next` will find it again. */
  retry(): void {
    assert(this.frameUnits > 0, 'retry without a frame')
    this.frameUnits = 0
  }

  /** Gives the frame's bytes back to the producer. */
  release(): void {
    assert(this.frameUnits > 0, 'release without a frame')
    this.advance(this.frameUnits)
    this.frameUnits = 0
  }

  private advance(units: number): void {
    this.head = (this.head + units) | 0
    Atomics.store(this.counters, ringHeadIndex, this.head)
  }
}
