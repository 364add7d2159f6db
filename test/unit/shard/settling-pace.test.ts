/**
 * Settling in the background: while there is room it gives way to commits, at a stop it does not.
 * Runs on: the test process, a shard inline on a disk in memory, with a clock of its own.
 */
import { expect } from 'chai'
import { OneTopic } from '../../support/one-topic.js'

/** The journal has 256 KiB; with this seed settling starts at a quarter or less, and pressure is at a half. */
const seed = 1
const batchBytes = 8000

interface Seen {
  /** When the sync thread synced something of the topic. */
  readonly timesMs: number[]
  /** The most syncs that it was asked for and had not answered. */
  mostInFlight: number
}

/** Watches the sync thread from now on. */
function watch(one: OneTopic): Seen {
  const seen: Seen = { timesMs: [], mostInFlight: 0 }
  const { syncPort } = one.broker.shards[0]!.shard as unknown as { syncPort: { inFlight: number } }
  one.fault = (operation, path) => {
    if (operation !== 'sync' || !path.startsWith('/data/topics')) return undefined
    seen.timesMs.push(one.broker.nowMs)
    seen.mostInFlight = Math.max(seen.mostInFlight, syncPort.inFlight)
    return undefined
  }
  return seen
}

describe('settling', () => {
  it('asks for one sync at a time, with pauses, while there is room in the journal', () => {
    const one = new OneTopic(seed)
    one.start({ flush: 'commit' })
    const seen = watch(one)
    for (let count = 0; count < 12; count++) one.produce(batchBytes)
    one.turns(400)
    const { timesMs } = seen
    const pauses = timesMs.slice(1).map((timeMs, index) => timeMs - timesMs[index]!)
    expect(pauses.length).to.be.greaterThan(2)
    expect(Math.min(...pauses), 'the shortest pause').to.be.at.least(3)
    expect(seen.mostInFlight).to.be.at.most(1)
  })

  it('asks for all at once at a stop', () => {
    const one = new OneTopic(seed)
    one.start({ flush: 'commit' })
    const seen = watch(one)
    for (let count = 0; count < 4; count++) one.produce(batchBytes)
    one.broker.stop()
    expect(seen.mostInFlight).to.be.greaterThan(1)
  })

  it('goes on when the clock is set back by an hour', () => {
    const one = new OneTopic(seed)
    one.start({ flush: 'commit' })
    for (let count = 0; count < 12; count++) one.produce(batchBytes)
    one.turns(3)
    one.broker.nowMs -= 3_600_000
    const { journal } = one.broker.shards[0]!.shard
    one.broker.until(() => journal.usedBytes < 65_536, 'settle below a quarter')
  })
})
