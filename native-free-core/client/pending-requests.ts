/**
 * Requests without an answer yet, by correlation id.
 * Runs on: clients, browsers. Touches: nothing.
 *
 * No Map: one whose keys come and go makes a new table every few dozen of them, and each old table keeps the new one
 * and what was in it. One old table that outlived a collection of young objects makes all later ones outlive theirs,
 * and with them every request, batch and buffer, until the next full one: at 50,000 requests a second, pauses of 5 to
 * 15 ms eight times a second.
 */
import type { ResponseHandler } from './client-session.js'

export interface PendingRequest {
  readonly correlationId: number
  readonly api: number
  readonly handler: ResponseHandler
  readonly sentAtMs: number
  readonly produceBytes: number
}

const fewestPlaces = 256
const mostPlaces = 65_536

/** A power of two of places, each for the correlation ids that are equal modulo their number. */
export class PendingRequests {
  private places: (PendingRequest | undefined)[] = emptyPlaces(fewestPlaces)
  /** Those that a later request took the place of: it waits longer than so many others. */
  private readonly overtaken = new Map<number, PendingRequest>()
  private inPlaces = 0

  get count(): number {
    return this.inPlaces + this.overtaken.size
  }

  has(correlationId: number): boolean {
    return (
      this.places[this.placeOf(correlationId)]?.correlationId === correlationId || this.overtaken.has(correlationId)
    )
  }

  /** Its correlation id must be free. */
  add(request: PendingRequest): void {
    if (this.inPlaces * 2 > this.places.length && this.places.length < mostPlaces) this.grow()
    this.put(request)
  }

  private put(request: PendingRequest): void {
    const place = this.placeOf(request.correlationId)
    const earlier = this.places[place]
    if (earlier === undefined) this.inPlaces++
    else this.overtaken.set(earlier.correlationId, earlier)
    this.places[place] = request
  }

  private grow(): void {
    const requests = this.places
    this.places = emptyPlaces(requests.length * 2)
    this.inPlaces = 0
    for (const request of requests) if (request !== undefined) this.put(request)
  }

  /** Takes out the request; undefined: there is none of this api. */
  take(correlationId: number, api: number): PendingRequest | undefined {
    const place = this.placeOf(correlationId)
    const request = this.places[place]
    if (request?.correlationId !== correlationId) return this.takeOvertaken(correlationId, api)
    if (request.api !== api) return undefined
    this.places[place] = undefined
    this.inPlaces--
    return request
  }

  private takeOvertaken(correlationId: number, api: number): PendingRequest | undefined {
    const request = this.overtaken.get(correlationId)
    if (request?.api !== api) return undefined
    this.overtaken.delete(correlationId)
    return request
  }

  /** When the oldest was sent, by the clock of `sentAtMs`; undefined: there is none. */
  oldestSentAtMs(): number | undefined {
    let oldestMs: number | undefined
    for (const { sentAtMs } of this.all()) if (oldestMs === undefined || sentAtMs < oldestMs) oldestMs = sentAtMs
    return oldestMs
  }

  /** Takes out all, in the order in which they were sent; `nextId`: the correlation id after the last. */
  takeAll(nextId: number): PendingRequest[] {
    // Correlation ids begin again after 2^32: the one that is furthest behind is the oldest.
    const behind = ({ correlationId }: PendingRequest): number => (nextId - correlationId) >>> 0
    const requests = this.all().sort((a, b) => behind(b) - behind(a))
    this.places = emptyPlaces(fewestPlaces)
    this.overtaken.clear()
    this.inPlaces = 0
    return requests
  }

  private all(): PendingRequest[] {
    const inPlaces = this.places.filter((request) => request !== undefined)
    return [...this.overtaken.values(), ...inPlaces]
  }

  private placeOf(correlationId: number): number {
    return correlationId & (this.places.length - 1)
  }
}

function emptyPlaces(count: number): undefined[] {
  return new Array<undefined>(count).fill(undefined)
}
