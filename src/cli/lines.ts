/**
 * Cuts a stream of bytes into lines.
 * Runs on: main. Touches: the bytes it is given.
 */

const lineFeed = 10

/** Lines without their ends, whatever the chunks; a last line without an end counts. */
export class LineSplitter {
  private rest: Buffer = Buffer.alloc(0);

  /** The lines that the chunk completes. They are views on it, valid as long as it is not changed. */
  *push(chunk: Buffer): Generator<Buffer> {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    let start = 0
    for (let end = bytes.indexOf(lineFeed); end >= 0; end = bytes.indexOf(lineFeed, start)) {
      yield bytes.subarray(start, end)
      start = end + 1
    }
    this.rest = bytes.subarray(start)
  }

  *finish(): Generator<Buffer> {
    if (this.rest.length > 0) yield this.rest
    this.rest = Buffer.alloc(0)
  }
}
