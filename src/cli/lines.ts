/**
 * Cuts a stream of bytes into lines.
 * Runs on: main. Touches: the bytes it is given.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'

const lineFeed = 10

/** Lines without their ends, whatever the chunks; a last line without an end counts. */
export class LineSplitter {
  private readonly maxBytes: number
  /** The beginning of a line whose end has not come. */
  private pieces: Buffer[] = []
  private piecesBytes = 0
  private lineCount = 0

  constructor(maxBytes = Number.POSITIVE_INFINITY) {
    this.maxBytes = maxBytes
  }

  /** The lines that the chunk completes: views, valid as long as it is not changed. Throws for one that is too long. */
  *push(chunk: Buffer): Generator<Buffer> {
    let start = 0
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      yield this.take(chunk.subarray(start, end))
      start = end + 1
    }
    if (start < chunk.length) this.keep(chunk.subarray(start))
  }

  *finish(): Generator<Buffer> {
    if (this.piecesBytes > 0) yield this.take(Buffer.alloc(0))
  }

  private take(last: Buffer): Buffer {
    this.lineCount++
    if (this.piecesBytes === 0) return last
    const line = Buffer.concat([...this.pieces, last])
    this.pieces = []
    this.piecesBytes = 0
    return line
  }

  private keep(piece: Buffer): void {
    this.pieces.push(piece)
    this.piecesBytes += piece.length
    if (this.piecesBytes <= this.maxBytes) return
    throw new StreamBusError('MESSAGE_TOO_LARGE', `line ${this.lineCount + 1} is longer than ${this.maxBytes} bytes`, {
      remedy: 'See that the input has lines; --raw sends all of it as one record. The lines before it were sent.',
    })
  }
}
