/**
 * A map of the flights that the reader has just got: airports, and flights on their way between them.
 */
import type { Place } from './flights-feed.js'

const bounds = { west: -125, east: -66, south: 24, north: 50 } as const
const flightMs = 2500
const mostFlights = 60

interface Flying {
  readonly from: Place
  readonly to: Place
  readonly startMs: number
}

export class FlightMap {
  private readonly airports: ReadonlyMap<string, Place>
  private readonly seen = new Map<string, Place>()
  private flying: Flying[] = []
  private nextMs = 0

  constructor(airports: ReadonlyMap<string, Place>) {
    this.airports = airports
  }

  /** Some of the flights are drawn; all of them would be a cloud. */
  add(origin: string, destination: string, nowMs: number): void {
    const [from, to] = [this.airports.get(origin), this.airports.get(destination)]
    if (from === undefined || to === undefined) return
    this.seen.set(origin, from).set(destination, to)
    if (nowMs < this.nextMs || this.flying.length >= mostFlights) return
    this.nextMs = nowMs + flightMs / mostFlights
    this.flying.push({ from, to, startMs: nowMs })
  }

  draw(columns: number, rows: number, nowMs: number): string[] {
    const cells = Array.from({ length: rows }, () => new Array<string>(columns).fill(' '))
    const put = ({ latitude, longitude }: Place, text: string): void => {
      const column = Math.round(((longitude - bounds.west) / (bounds.east - bounds.west)) * (columns - 1))
      const row = Math.round(((bounds.north - latitude) / (bounds.north - bounds.south)) * (rows - 1))
      if (column >= 0 && column < columns && row >= 0 && row < rows) cells[row]![column] = text
    }
    for (const place of this.seen.values()) put(place, '·')
    this.flying = this.flying.filter(({ startMs }) => nowMs - startMs < flightMs)
    for (const { from, to, startMs } of this.flying) {
      const share = (nowMs - startMs) / flightMs
      const between = (a: number, b: number): number => a + (b - a) * share
      const place = { latitude: between(from.latitude, to.latitude), longitude: between(from.longitude, to.longitude) }
      put(place, to.longitude > from.longitude ? '>' : '<')
    }
    return cells.map((row) => row.join('').trimEnd())
  }
}
