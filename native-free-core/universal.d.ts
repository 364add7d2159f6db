/**
 * The few globals that the core uses and that every JavaScript runtime has, but that TypeScript's `es2022` library
 * does not declare. Nothing that only Node.js or only a browser offers belongs here: the core must compile without
 * both.
 * Runs on: nothing (types only).
 */

declare class TextEncoder {
  constructor()
  encode(input?: string): Uint8Array<ArrayBuffer>
  encodeInto(source: string, destination: Uint8Array): { read: number; written: number }
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean })
  decode(input?: ArrayBufferView | ArrayBufferLike, options?: { stream?: boolean }): string
}

declare namespace WebAssembly {
  type ImportValue = Memory | Global | Table | number | ((...args: never[]) => unknown)
  type Imports = Record<string, Record<string, ImportValue>>
  type Exports = Record<string, unknown>

  class Module {
    constructor(bytes: ArrayBufferView | ArrayBuffer)
  }

  class Instance {
    constructor(module: Module, imports?: Imports)
    readonly exports: Exports
  }

  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean })
    readonly buffer: ArrayBuffer
    grow(deltaPages: number): number
  }

  class Table {
    readonly length: number
    get(index: number): unknown
  }

  class Global {
    value: unknown
  }
}
