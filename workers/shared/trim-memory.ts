/**
 * Gives memory that the start has freed back to the system, where the allocator keeps it.
 * Runs on: shard worker, once, some seconds after its start. Touches: the allocator of the process.
 * glibc keeps what was freed for ever unless asked; after a start that is some 15 MB (measured).
 */
import { createRequire } from 'node:module'

/** Whether the allocator was asked. False is no error: the process then stays as large as it is. */
export function trimMemory(): boolean {
  if (process.platform !== 'linux') return false
  try {
    const koffi = createRequire(import.meta.url)('koffi') as {
      load(name: string): { func(signature: string): (keepBytes: number) => number }
    }
    koffi.load('libc.so.6').func('int malloc_trim(size_t)')(0)
    return true
  } catch {
    return false
  }
}
