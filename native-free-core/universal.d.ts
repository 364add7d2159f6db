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
