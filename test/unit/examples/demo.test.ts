/**
 * The demo's checksums notice what they are there for.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { Checksums } from '../../../examples/demo/checksums.js'
import { FlightMap } from '../../../examples/demo/flight-map.js'
import { flightRecords, readAirports } from '../../../examples/demo/flights-feed.js'

describe('the checksums of the demo', () => {
  const flights = Array.from({ length: 50 }, (_, n) => ({ key: 'ABC'[n % 3]!, value: `flight ${n}` }))

  const afterReading = (read: readonly { key: string; value: string }[]): Checksums => {
    const checksums = new Checksums()
    for (const { key, value } of flights) checksums.addSent(key, value)
    for (const { key, value } of read) checksums.addRead(key, value)
    return checksums
  }

  it('agree when everything is read once, in the order of each key', () => {
    const byKey = [...flights].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    const checksums = afterReading(byKey)
    expect(checksums.difference).to.equal(undefined)
    expect(checksums.senderText)
      .to.equal(checksums.readerText)
      .and.match(/^[0-9a-f]{12}$/)
    expect(checksums).to.include({ sentCount: 50, readCount: 50 })
  })

  it('differ at a record that is lost, repeated, changed or out of order', () => {
    const changed = flights.map((flight, n) => (n === 20 ? { ...flight, value: 'x' } : flight))
    const swapped = flights.map((flight, n) => (n === 20 ? flights[23]! : n === 23 ? flights[20]! : flight))
    const wrong = {
      lost: flights.filter((_, n) => n !== 20),
      repeated: flights.flatMap((flight, n) => (n === 20 ? [flight, flight] : [flight])),
      changed,
      swapped,
      'repeated last': [...flights, flights[49]!],
    }
    for (const [what, read] of Object.entries(wrong)) {
      const checksums = afterReading(read)
      expect(checksums.difference, what).to.be.a('string')
      expect(checksums.senderText, what).to.not.equal(checksums.readerText)
    }
  })
})

describe('the map of the demo', () => {
  it('shows airports and flights within its size', () => {
    const map = new FlightMap(readAirports())
    const records = flightRecords()
    for (let nowMs = 0; nowMs < 2000; nowMs++) {
      const { origin, destination } = JSON.parse(records.next().value!.value)
      map.add(origin, destination, nowMs)
    }
    for (const [columns, rows] of [
      [80, 14],
      [20, 4],
    ] as const) {
      const lines = map.draw(columns, rows, 2000)
      expect(lines).to.have.length(rows)
      for (const line of lines) expect(line.length).to.be.at.most(columns)
      expect(lines.join('')).to.match(/·.*[<>]/s)
    }
  })
})
