/**
 * Where the fields of a ring lie: one producer, one consumer, a fixed power-of-two capacity.
 * Runs on: every thread. Touches: nothing; constants only. After Agrona's ring buffer descriptor.
 *
 *  byte 0                128               256
 *  +-----------+---------+-----------+-----+--------------------------- - - ----+
 *  | tail: i32 | padding | head: i32 | ... | frames: capacity bytes             |
 *  +-----------+---------+-----------+-----+--------------------------- - - ----+
 *
 * tail and head count units of 8 bytes, only ever grow and wrap as 32-bit numbers; they are compared by difference.
 * Each lies 128 bytes from the other, so that two cores do not fight for one cache line.
 *
 * A frame is a multiple of 8 bytes and never wraps; what is left at the end of a lap is a padding frame.
 *
 *  0                4                8
 *  +----------------+----------------+------------------ - -
 *  | length: i32    | type: i32      | body
 *  +----------------+----------------+------------------ - -
 *   of the frame with its header,
 *   before rounding; type -1: padding to the end of the lap
 */

export const ringTailIndex = 0
export const ringHeadIndex = 32
export const ringHeaderBytes = 256
export const ringUnitBytes = 8
export const ringUnitShift = 3
export const ringFrameHeaderBytes = 8
export const ringPaddingType = -1

/** Bytes of shared memory for a ring of `capacityBytes`. */
export function ringSizeBytes(capacityBytes: number): number {
  return ringHeaderBytes + capacityBytes
}

export function isRingCapacity(capacityBytes: number): boolean {
  return capacityBytes >= 4096 && capacityBytes <= 2 ** 30 && (capacityBytes & (capacityBytes - 1)) === 0
}

/** Bytes that a frame with a body of this length takes, padding to the unit included. */
export function ringFrameBytes(bodyBytes: number): number {
  return (bodyBytes + ringFrameHeaderBytes + ringUnitBytes - 1) & ~(ringUnitBytes - 1)
}
