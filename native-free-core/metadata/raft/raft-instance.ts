/**
 * One Go runtime in WebAssembly; it hosts any number of raft nodes. Clock, randomness and the module's bytes are given.
 * Runs on: the metadata worker, the simulator. Touches: the module's memory.
 *
 * A Go panic in a call poisons that node only. Anything else that Go dies of (memory, deadlock, a panic on another
 * goroutine) ends the instance: `ended` says so and refuses every later call.
 */
// Programs outside the core include this file by import only, and would not find the declarations.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="../../webassembly.d.ts" />
import { RaftWriter } from './raft-codec.js'
import { RaftNode } from './raft-node.js'
import type { RaftConfig } from './raft-types.js'
import { type FillRandom, wasiCalls, type WasiHost } from './wasi.js'

/** The codes of go/main.go. */
export const RaftErrorCode = { other: -1, dropped: -2, panic: -3, compacted: -4, peer: -5 } as const

export class RaftError extends Error {
  override readonly name: string = 'RaftError'
  readonly code: number

  constructor(code: number, text: string) {
    super(text)
    this.code = code
  }
}

export interface RaftHost extends WasiHost {
  /** Election timeouts come from here and nowhere else: seeded, the same inputs give the same trace. */
  readonly fillElectionRandom: FillRandom
  /** `level` as in RaftConfig.logLevel. */
  readonly log: (nodeId: number, level: number, text: string) => void
}

type GoFunction = (...args: number[]) => number

interface GoExports {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly _initialize: () => void
  readonly [name: `raft_${string}`]: GoFunction
}

const decoder = new TextDecoder()
const firstInputBytes = 1 << 16

export class RaftInstance {
  private readonly exports: GoExports
  private bytes: Uint8Array
  private view: DataView
  private controlAt = 0
  private inputAt = 0
  private inputBytes = 0
  private deadBy: Error | undefined

  constructor(module: WebAssembly.Module, host: RaftHost) {
    const holder: { exports?: GoExports } = {}
    const memory = (): ArrayBuffer => holder.exports!.memory.buffer
    const text = (at: number, lengthBytes: number): string =>
      decoder.decode(new Uint8Array(memory(), at, lengthBytes).slice())
    const instance = new WebAssembly.Instance(module, {
      wasi_snapshot_preview1: wasiCalls(memory, host),
      raft_host: {
        log: (node: number, level: number, at: number, lengthBytes: number) =>
          host.log(node, level, text(at, lengthBytes)),
        random: (at: number, lengthBytes: number) => host.fillElectionRandom(new Uint8Array(memory(), at, lengthBytes)),
      },
    })
    this.exports = instance.exports as unknown as GoExports
    holder.exports = this.exports
    this.bytes = new Uint8Array(memory())
    this.view = new DataView(memory())
    this.exports._initialize()
    this.controlAt = this.exports.raft_ctl!()
    this.reserve(firstInputBytes)
  }

  /** Why no call is taken any more; undefined while the instance lives. */
  get ended(): Error | undefined {
    return this.deadBy
  }

  /** Throws RaftError with code `panic` for a configuration that raft refuses. */
  createNode(config: RaftConfig): RaftNode {
    const handle = this.call('raft_create', this.put(new RaftWriter().config(config).done()))
    return new RaftNode(this, handle, config.id)
  }

  /** Throws RaftError for a negative result; anything else that is thrown ends the instance. */
  call(name: `raft_${string}`, ...args: number[]): number {
    if (this.deadBy !== undefined) throw this.deadBy
    let result: number
    try {
      result = this.exports[name]!(...args)
    } catch (error) {
      this.deadBy = error instanceof Error ? error : new Error(String(error))
      throw error
    }
    if (result < 0) throw new RaftError(result, decoder.decode(this.output()))
    return result
  }

  /** A copy of what the last call answered. */
  output(): Uint8Array<ArrayBuffer> {
    this.refresh()
    const at = this.view.getUint32(this.controlAt + 8, true)
    return this.bytes.slice(at, at + this.view.getUint32(this.controlAt + 12, true)) as Uint8Array<ArrayBuffer>
  }

  /** Copies into the input buffer; returns the length, which the call wants. */
  put(data: Uint8Array): number {
    this.reserve(data.length)
    this.bytes.set(data, this.inputAt)
    return data.length
  }

  /** Several items, each after its length as u32. */
  putMany(items: readonly Uint8Array[]): number {
    let total = 0
    for (const item of items) total += 4 + item.length
    this.reserve(total)
    let at = this.inputAt
    for (const item of items) {
      this.view.setUint32(at, item.length, true)
      this.bytes.set(item, at + 4)
      at += 4 + item.length
    }
    return total
  }

  /** Collects garbage now. */
  collect(): void {
    this.call('raft_gc')
  }

  /** Of the module; it never shrinks. */
  get memoryBytes(): number {
    return this.exports.memory.buffer.byteLength
  }

  private reserve(lengthBytes: number): void {
    if (lengthBytes > this.inputBytes) {
      this.call('raft_reserve', lengthBytes)
      this.refresh()
      this.inputAt = this.view.getUint32(this.controlAt, true)
      this.inputBytes = this.view.getUint32(this.controlAt + 4, true)
    }
    this.refresh()
  }

  /** Growing memory detaches the views. */
  private refresh(): void {
    const { buffer } = this.exports.memory
    if (this.bytes.buffer === buffer) return
    this.bytes = new Uint8Array(buffer)
    this.view = new DataView(buffer)
  }
}
