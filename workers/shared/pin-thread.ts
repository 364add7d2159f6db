/**
 * Ties the calling thread to one core, where the system and the optional package koffi allow it.
 * Runs on: shard worker. Touches: the thread's affinity. Never: other threads.
 * Loading koffi takes 8-10 ms the first time (measured): call it when the shard is ready, not before.
 */
import { createRequire } from 'node:module'

const maskBytes = 128

interface NativeLibrary {
  func(signature: string): (thread: number, sizeBytes: number, mask: Uint8Array) => number
}

/** Whether the thread is pinned now. False is no error: the thread then runs where the system puts it. */
export function pinThread(core: number): boolean {
  if (process.platform !== 'linux' || core < 0 || core >= maskBytes * 8) return false
  try {
    const koffi = createRequire(import.meta.url)('koffi') as { load(name: string): NativeLibrary }
    const setAffinity = koffi.load('libc.so.6').func('int sched_setaffinity(int, size_t, const void*)')
    const mask = new Uint8Array(maskBytes)
    mask[core >> 3] = 1 << (core & 7)
    // Thread 0 means the caller.
    return setAffinity(0, maskBytes, mask) === 0
  } catch {
    return false
  }
}
