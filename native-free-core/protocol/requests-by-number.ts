/**
 * Requests without an answer yet, by the numbers they were given in turn.
 * Runs on: main, clients, browsers. Touches: nothing.
 *
 * No Map: one whose keys come and go makes a new table every few dozen of them, and each old table keeps the new one
 * and what was in it. One old table that outlived a collection of young objects makes all later ones outlive theirs,
 * and with them every request, batch and buffer, until the next full one: at 50,000 requests a second, pauses of 6 to
 * 19 ms eight times a second.
 */
const fewestPlaces = 256
const mostPlaces = 65_536

/** A power of two of places, each for the numbers that are equal modulo their count. */
export class RequestsByNumber<Request> {
  private requests = emptyPlaces<Request>(fewestPlaces)
  private numbers = new Uint32Array(fewestPlaces)
  /** Those that a later request took the place of: they wait longer than so many others. */
  private readonly overtaken = new Map<number, Request>()
  private inPlaces = 0
  private lastNumber = 0

  get count(): number {
    return this.inPlaces + this.overtaken.size
  }

  get(number: number): Request | undefined {
    const place = this.placeOf(number)
    return this.numbers[place] === number && this.requests[place] !== undefined
      ? this.requests[place]
      : this.overtaken.get(number)
  }

  /** `number`: uint32, not in use; the one after the last, or beyond. */
  add(number: number, request: Request): void {
    if (this.inPlaces * 2 > this.requests.length && this.requests.length < mostPlaces) this.grow()
    this.lastNumber = number
    this.put(number, request)
  }

  private put(number: number, request: Request): void {
    const place = this.placeOf(number)
    const earlier = this.requests[place]
    if (earlier === undefined) this.inPlaces++
    else this.overtaken.set(this.numbers[place]!, earlier)
    this.requests[place] = request
    this.numbers[place] = number
  }

  private grow(): void {
    const { requests, numbers } = this
    this.requests = emptyPlaces(requests.length * 2)
    this.numbers = new Uint32Array(requests.length * 2)
    this.inPlaces = 0
    for (const [place, request] of requests.entries()) if (request !== undefined) this.put(numbers[place]!, request)
  }

  /** Takes out the request; undefined: there is none. */
  take(number: number): Request | undefined {
    const place = this.placeOf(number)
    const request = this.requests[place]
    if (request !== undefined && this.numbers[place] === number) {
      this.requests[place] = undefined
      this.inPlaces--
      return request
    }
    const overtaken = this.overtaken.get(number)
    if (overtaken !== undefined) this.overtaken.delete(number)
    return overtaken
  }

  /** All of them, in the order in which they were added. */
  all(): Request[] {
    // Numbers begin again after 2^32: the one that is furthest behind the last is the oldest.
    const behind = (number: number): number => (this.lastNumber - number) >>> 0
    const found: [number: number, request: Request][] = [...this.overtaken]
    for (const [place, request] of this.requests.entries()) {
      if (request !== undefined) found.push([this.numbers[place]!, request])
    }
    return found.sort(([a], [b]) => behind(b) - behind(a)).map(([, request]) => request)
  }

  clear(): void {
    this.requests = emptyPlaces(fewestPlaces)
    this.numbers = new Uint32Array(fewestPlaces)
    this.overtaken.clear()
    this.inPlaces = 0
  }

  private placeOf(number: number): number {
    return number & (this.requests.length - 1)
  }
}

function emptyPlaces<Request>(count: number): (Request | undefined)[] {
  return new Array<Request | undefined>(count).fill(undefined)
}
