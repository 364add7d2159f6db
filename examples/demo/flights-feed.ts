/**
 * Flights of the year 2001 and the airports that they fly between, from the package vega-datasets; without end.
 */
import { readFileSync } from 'node:fs'

/** The package exports no data files, so they are named by their paths; this file runs in build/examples/demo. */
const dataFolder = new URL('../../../node_modules/vega-datasets/data/', import.meta.url)

export interface FlightRecord {
  readonly origin: string
  readonly destination: string
  readonly date: string
  readonly delay: number
}

export interface Place {
  readonly latitude: number
  readonly longitude: number
}

/** Key and value of one record after another; the number makes each differ from all others. */
export function* flightRecords(): Generator<{ readonly key: string; readonly value: string }> {
  const flights = JSON.parse(readFileSync(new URL('flights-20k.json', dataFolder), 'utf8')) as FlightRecord[]
  for (let number = 0; ; number++) {
    const flight = flights[number % flights.length]!
    yield { key: flight.origin, value: JSON.stringify({ number, ...flight }) }
  }
}

export function readAirports(): ReadonlyMap<string, Place> {
  const [, ...lines] = readFileSync(new URL('airports.csv', dataFolder), 'utf8').trim().split('\n')
  return new Map(
    lines.map((line) => {
      // The last two fields are numbers; a name may hold a comma.
      const fields = line.split(',')
      return [fields[0]!, { latitude: Number(fields.at(-2)), longitude: Number(fields.at(-1)) }]
    }),
  )
}
