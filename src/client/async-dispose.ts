/**
 * The name of the method that `await using` calls.
 * Runs on: main thread of clients, browsers. Touches: nothing.
 */

declare global {
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol
  }
}

/** Older browsers lack the symbol; compilers of `await using` for them make it by this name. */
export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as typeof Symbol.asyncDispose)
