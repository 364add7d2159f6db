/**
 * Bytes to be printed, collected in one buffer that is used again.
 * Runs on: main. Touches: its buffer.
 */

const firstBytes = 64 * 1024

export class ByteSink {
  private buffer = Buffer.allocUnsafe(firstBytes)
  lengthBytes = 0

  append(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const count = end - start
    this.reserve(count)
    // Small pieces are most of them: a loop beats the call of `set` on a new view.
    if (count < 32) for (let at = 0; at < count; at++) this.buffer[this.lengthBytes + at] = bytes[start + at]!
    else this.buffer.set(bytes.subarray(start, end), this.lengthBytes)
    this.lengthBytes += count
  }

  text(text: string): void {
    // A UTF-16 unit is at most three bytes of UTF-8.
    this.reserve(text.length * 3)
    this.lengthBytes += this.buffer.write(text, this.lengthBytes)
  }

  byte(value: number): void {
    this.reserve(1)
    this.buffer[this.lengthBytes++] = value
  }

  /** Valid until the next change. */
  view(): Uint8Array {
    return this.buffer.subarray(0, this.lengthBytes)
  }

  reset(): void {
    this.lengthBytes = 0
  }

  private reserve(count: number): void {
    const needed = this.lengthBytes + count
    if (needed <= this.buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2))
    larger.set(this.buffer.subarray(0, this.lengthBytes))
    this.buffer = larger
  }
}
