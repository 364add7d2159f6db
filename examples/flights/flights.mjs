/**
 * The records of this example, and what both programs compute of them: for each airport of departure how many flights
 * there were and a checksum over all of them in order.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** The package exports no data files, so the file is named by its path. */
const flightsFile = new URL('../../node_modules/vega-datasets/data/flights-20k.json', import.meta.url)

/** 20,000 flights of the year 2001: date, delay, distance, origin, destination. */
export function readFlights() {
  return JSON.parse(readFileSync(flightsFile, 'utf8'))
}

/** Key and value of each record, in the order in which they are sent. */
export function* flightRecords(rounds) {
  const flights = readFlights()
  for (let round = 0; round < rounds; round++) {
    for (const flight of flights) yield { key: flight.origin, value: JSON.stringify({ round, ...flight }) }
  }
}

/** Counts and checksums by key. A record lost, repeated or out of order changes them. */
export class Tally {
  count = 0
  #keys = new Map()

  add(key, value) {
    let entry = this.#keys.get(key)
    if (entry === undefined) {
      entry = { count: 0, hash: createHash('sha256') }
      this.#keys.set(key, entry)
    }
    entry.count++
    entry.hash.update(value).update('\n')
    this.count++
  }

  /** By key: count and checksum. Call once, at the end. */
  finish() {
    const entries = [...this.#keys].sort(([a], [b]) => (a < b ? -1 : 1))
    return new Map(entries.map(([key, { count, hash }]) => [key, `${count} ${hash.digest('hex')}`]))
  }
}

/** One checksum over all. */
export function overall(tally) {
  const hash = createHash('sha256')
  for (const [key, line] of tally) hash.update(`${key} ${line}\n`)
  return hash.digest('hex').slice(0, 16)
}
