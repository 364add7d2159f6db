/**
 * A wall clock that a test sets forward and back: what Date says is shifted by the ms in the file of
 * STREAMBUS_TEST_CLOCK; performance.now() goes on as it is, as on a machine whose clock is set.
 * Runs on: every thread of a broker under test, preloaded by `node --import`. Touches: Date, that file (reads).
 */
import { readFileSync } from 'node:fs'

const path = process.env['STREAMBUS_TEST_CLOCK'] ?? ''
/** How often the file is looked at. */
const lookMs = 20
const RealDate = Date
const realNow = RealDate.now.bind(RealDate)
let shiftMs = 0
let nextLookMs = 0

function now(): number {
  const steadyMs = performance.now()
  if (steadyMs >= nextLookMs) {
    nextLookMs = steadyMs + lookMs
    try {
      shiftMs = Number(readFileSync(path, 'utf8'))
    } catch {
      // Not written yet.
    }
  }
  return realNow() + shiftMs
}

class ShiftedDate extends RealDate {
  constructor(...args: readonly unknown[]) {
    super(...((args.length === 0 ? [now()] : args) as [number]))
  }

  static override now(): number {
    return now()
  }
}

globalThis.Date = ShiftedDate as DateConstructor
