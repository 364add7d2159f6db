/**
 * Producers that a shard hears no more of: forgotten in time, in what decides and in what goes to the disk, and no
 * sooner.
 * Runs on: the test process, a shard inline on a disk in memory.
 */
import { expect } from 'chai'
import { ProducerState } from '../../../native-free-core/log/producer-state.js'
import type { Partition } from '../../../workers/shard/partition.js'
import { fileBytes, makeBatch } from '../../support/log-fixture.js'
import { OneTopic } from '../../support/one-topic.js'

const expirationMs = 10_000
const configs = { flush: 'commit' }

function partitionOf(one: OneTopic): Partition {
  return [...one.broker.shards[0]!.shard.partitions.values()][0]!
}

/** Which of the producers 1 and 2 are known: to what decides on sequences, and to the log. */
function known(one: OneTopic): [number[], number[]] {
  const { producers, log } = partitionOf(one)
  const of = (state: ProducerState): number[] => [1, 2].filter((id) => state.epochOf(id) >= 0)
  return [of(producers), of(log.producers)]
}

/** The records' time is that of 1970: a replay of something old. */
function produceAs(one: OneTopic, id: number, sequence: number): { code: number; offset: number } {
  const producer = { id, epoch: 0, sequence }
  return one.send(makeBatch({ baseOffset: 0, timestamp: 1000, producer }))
}

/** So much time later the shard looks after its producers. */
function look(one: OneTopic, laterMs: number): void {
  one.broker.nowMs += laterMs
  one.broker.shards[0]!.shard.forgetSilentProducers(one.broker.nowMs, expirationMs)
}

/** Batches of nobody until all before them are in segments, and a snapshot of the producers is written. */
function fillSegments(one: OneTopic): void {
  for (let count = 0; count < 20; count++) one.produce(30_000)
  one.turns(200)
}

function newestSnapshot(one: OneTopic): ProducerState {
  const name = one
    .files()
    .filter((file) => file.endsWith('.snapshot'))
    .at(-1)!
  return ProducerState.parseSnapshot(fileBytes(one.disk, `/data/topics/one-0/${name}`))
}

function started(): OneTopic {
  const one = new OneTopic(1)
  one.start(configs)
  return one
}

describe('a producer that a shard hears no more of', () => {
  it('is forgotten after the time, by the partition, its log and the next snapshot', () => {
    const one = started()
    produceAs(one, 1, 0)
    produceAs(one, 2, 0)
    fillSegments(one)
    expect(known(one)).to.deep.equal([
      [1, 2],
      [1, 2],
    ])
    expect(newestSnapshot(one).producerCount).to.equal(2)
    look(one, 0)
    look(one, expirationMs / 2)
    produceAs(one, 2, 1)
    look(one, expirationMs / 2)
    expect(known(one)).to.deep.equal([[2], [2]])
    fillSegments(one)
    expect([newestSnapshot(one).epochOf(1), newestSnapshot(one).epochOf(2)]).to.deep.equal([-1, 0])
  })

  it('is forgotten by the log too when its batches come out of the journal later', () => {
    const one = started()
    produceAs(one, 1, 0)
    expect(known(one), 'in the journal alone').to.deep.equal([[1], []])
    look(one, 0)
    look(one, expirationMs)
    fillSegments(one)
    expect(known(one)).to.deep.equal([[], [1]])
    look(one, 0)
    expect(known(one)).to.deep.equal([[], []])
  })

  it('is remembered while it is heard, though its records are old and are all sent again', () => {
    const one = started()
    produceAs(one, 1, 0)
    for (let round = 0; round < 5; round++) {
      look(one, expirationMs * 0.7)
      expect(produceAs(one, 1, 0), 'a batch sent again').to.deep.equal({ code: 0, offset: 0 })
    }
    for (let round = 1; round < 5; round++) {
      look(one, expirationMs * 0.7)
      expect(produceAs(one, 1, round)).to.deep.equal({ code: 0, offset: round })
    }
    fillSegments(one)
    look(one, 1)
    expect(known(one)).to.deep.equal([[1], [1]])
  })

  it('is remembered for the whole time after an opening', () => {
    for (const end of ['stop', 'kill'] as const) {
      const one = started()
      produceAs(one, 1, 0)
      look(one, 0)
      look(one, expirationMs - 1000)
      if (end === 'stop') one.broker.stop()
      one.kill()
      one.start(configs)
      look(one, 0)
      look(one, expirationMs - 1)
      expect(known(one), end).to.deep.equal([[1], [1]])
      look(one, 1)
      expect(known(one), end).to.deep.equal([[], []])
    }
  })
})
