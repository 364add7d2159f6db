/**
 * `await using` where the runtime has no symbol for it.
 * Runs on: main thread of clients, browsers. Touches: the classes it is given.
 */

/** Older browsers lack the symbol; compilers of `await using` look for the method under this name then. */
export function addAsyncDispose({ prototype }: { readonly prototype: { close(): Promise<void> } }): void {
  const symbol: symbol =
    (Symbol as { readonly asyncDispose?: symbol }).asyncDispose ?? Symbol.for('Symbol.asyncDispose')
  if (symbol in prototype) return
  Object.defineProperty(prototype, symbol, {
    configurable: true,
    value(this: { close(): Promise<void> }) {
      return this.close()
    },
  })
}
