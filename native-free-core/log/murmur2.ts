/**
 * Kafka's murmur2 and the partition that it gives a key: the same key goes to the same partition as with Kafka's own
 * clients.
 * Runs on: every thread, and browsers. Touches: the bytes it is given.
 * Source: Austin Appleby's MurmurHash2, with the seed that Kafka's clients use.
 */

const seed = 0x9747b28c
const multiplier = 0x5bd1e995
const rotation = 24

/** The 32-bit hash, signed as in Java. */
export function murmur2(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let hash = seed ^ (end - start)
  let at = start
  for (const last = end - 4; at <= last; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    word = Math.imul(word, multiplier)
    word ^= word >>> rotation
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier)
  }
  const left = end - at
  if (left > 2) hash ^= bytes[at + 2]! << 16
  if (left > 1) hash ^= bytes[at + 1]! << 8
  if (left > 0) hash = Math.imul(hash ^ bytes[at]!, multiplier)
  hash = Math.imul(hash ^ (hash >>> 13), multiplier)
  return hash ^ (hash >>> 15)
}

/** The partition of a key among `partitionCount`. */
export function partitionForKey(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount
}
