/**
 * The calls of WASI preview 1 that Go's runtime makes in a reactor: clock, randomness, panic texts, exit.
 * Runs on: the metadata worker, the simulator. Touches: the module's memory.
 */

export type FillRandom = (into: Uint8Array<ArrayBuffer>) => void

export interface WasiHost {
  /** Milliseconds of any clock, for Go's collector. Raft counts ticks and never asks. */
  readonly nowMs: () => number
  /** Go draws its hash seeds here; they do not change what raft does. */
  readonly fillRandom: FillRandom
  /** What Go's runtime writes before it dies. */
  readonly write: (text: string) => void
}

export class WasiExit extends Error {
  override readonly name = 'WasiExit'
}

type Call = (...args: never[]) => unknown

/** Every WASI function that the module imports, and no other. */
export const wasiImports = [
  'args_get',
  'args_sizes_get',
  'clock_time_get',
  'environ_get',
  'environ_sizes_get',
  'fd_close',
  'fd_fdstat_get',
  'fd_fdstat_set_flags',
  'fd_prestat_dir_name',
  'fd_prestat_get',
  'fd_read',
  'fd_write',
  'poll_oneoff',
  'proc_exit',
  'random_get',
  'sched_yield',
] as const

const badDescriptor = 8

export function wasiCalls(memory: () => ArrayBuffer, host: WasiHost): Record<(typeof wasiImports)[number], Call> {
  const view = (): DataView => new DataView(memory())
  const decoder = new TextDecoder()
  const noStrings = (countAt: number, sizeAt: number): number => {
    view().setUint32(countAt, 0, true)
    view().setUint32(sizeAt, 0, true)
    return 0
  }
  return {
    args_get: () => 0,
    args_sizes_get: noStrings,
    environ_get: () => 0,
    environ_sizes_get: noStrings,
    clock_time_get: (_clock: number, _precision: bigint, at: number) => {
      view().setBigUint64(at, BigInt(Math.floor(host.nowMs() * 1e6)), true)
      return 0
    },
    random_get: (at: number, lengthBytes: number) => {
      host.fillRandom(new Uint8Array(memory(), at, lengthBytes))
      return 0
    },
    fd_write: (_file: number, vectors: number, count: number, writtenAt: number) => {
      const words = view()
      let total = 0
      for (let index = 0; index < count; index++) {
        const at = words.getUint32(vectors + 8 * index, true)
        const lengthBytes = words.getUint32(vectors + 8 * index + 4, true)
        host.write(decoder.decode(new Uint8Array(memory(), at, lengthBytes).slice()))
        total += lengthBytes
      }
      words.setUint32(writtenAt, total, true)
      return 0
    },
    fd_fdstat_get: (_file: number, at: number) => {
      const state = new Uint8Array(memory(), at, 24).fill(0)
      // A character device: Go then writes without seeking.
      state[0] = 2
      return 0
    },
    fd_fdstat_set_flags: () => 0,
    fd_close: () => badDescriptor,
    fd_read: () => badDescriptor,
    fd_prestat_get: () => badDescriptor,
    fd_prestat_dir_name: () => badDescriptor,
    sched_yield: () => 0,
    poll_oneoff: (subscriptions: number, events: number, count: number, writtenAt: number) => {
      reportAllDue(view(), subscriptions, events, count)
      view().setUint32(writtenAt, count, true)
      return 0
    },
    proc_exit: (code: number) => {
      throw new WasiExit(`the raft module ended with code ${code}`)
    },
  }
}

/** Go polls only to sleep until a timer of its runtime; raft starts none. Nothing here may wait: all are due. */
function reportAllDue(view: DataView, subscriptions: number, events: number, count: number): void {
  for (let index = 0; index < count; index++) {
    view.setBigUint64(events + 32 * index, view.getBigUint64(subscriptions + 48 * index, true), true)
    view.setUint16(events + 32 * index + 8, 0, true)
    view.setUint8(events + 32 * index + 10, view.getUint8(subscriptions + 48 * index + 8))
  }
}
