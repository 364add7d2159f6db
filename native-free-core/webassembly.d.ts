/**
 * WebAssembly as far as the core uses it: every JavaScript runtime has it, TypeScript's `es2022` library does not
 * declare it. Apart from universal.d.ts because Node.js's types declare what is there, but not this.
 * Runs on: nothing (types only).
 */

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
