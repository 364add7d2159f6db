/**
 * Shared memory that begins at a page, so that a file can be written from it past the page cache.
 * Runs on: the main thread of a broker, once for each shard. Touches: memory.
 * Where a SharedArrayBuffer begins is up to the allocator; memory of WebAssembly begins at a page.
 */
// Programs outside the core include this file by import only, and would not find the declarations.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="../webassembly.d.ts" />

const pageBytes = 65_536

/** Of another size than a multiple of 64 KiB, or where WebAssembly has no memory to give, it begins anywhere. */
export function pageAlignedMemory(sizeBytes: number): SharedArrayBuffer {
  if (sizeBytes % pageBytes !== 0) return new SharedArrayBuffer(sizeBytes)
  const pages = sizeBytes / pageBytes
  try {
    const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
    return buffer as unknown as SharedArrayBuffer
  } catch {
    return new SharedArrayBuffer(sizeBytes)
  }
}
