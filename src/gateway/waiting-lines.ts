/**
 * What waits for room in a ring: in order for each sender, one of each sender in turn, so that nobody waits behind all
 * that another has sent.
 * Runs on: main. Touches: nothing.
 */
interface Line<Item> {
  /** Undefined: it was served. */
  items: (Item | undefined)[]
  head: number
  sizeBytes: number
}

/** A line that was served is cut when so many of its items are over. */
const cutFrom = 1024

export class WaitingLines<Item> {
  /** By sender; the first is served next. */
  private readonly lines = new Map<unknown, Line<Item>>()
  private readonly sizeOf: (item: Item) => number

  constructor(sizeOf: (item: Item) => number) {
    this.sizeOf = sizeOf
  }

  get isEmpty(): boolean {
    return this.lines.size === 0
  }

  /** Of what one sender has waiting. */
  sizeBytesOf(sender: unknown): number {
    return this.lines.get(sender)?.sizeBytes ?? 0
  }

  push(sender: unknown, item: Item): void {
    const line = this.lines.get(sender)
    const sizeBytes = this.sizeOf(item)
    if (line === undefined) this.lines.set(sender, { items: [item], head: 0, sizeBytes })
    else {
      line.items.push(item)
      line.sizeBytes += sizeBytes
    }
  }

  /** The item whose turn it is; undefined: none waits. */
  peek(): Item | undefined {
    for (const line of this.lines.values()) return line.items[line.head]
    return undefined
  }

  /** Removes what `peek` gives; its sender is the last now. */
  shift(): void {
    for (const [sender, line] of this.lines) {
      line.sizeBytes -= this.sizeOf(line.items[line.head]!)
      // A request of a megabyte is not kept until the line is cut.
      line.items[line.head] = undefined
      line.head++
      this.lines.delete(sender)
      if (line.head === line.items.length) return
      if (line.head >= cutFrom) {
        line.items = line.items.slice(line.head)
        line.head = 0
      }
      this.lines.set(sender, line)
      return
    }
  }
}
