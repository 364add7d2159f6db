/**
 * A disk that refuses one kind of call: the shard goes offline and says what failed, its thread lives on, and after a
 * restart on a disk that works everything acknowledged is there.
 * Runs on: the test process, shards inline on a disk in memory.
 */
import { expect } from 'chai'
import { errorTable } from '../../../native-free-core/errors/error-table.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import type { Fault, Operation } from '../../support/memory-disk.js'
import { OneTopic } from '../../support/one-topic.js'

const refused = errorTable.KAFKA_STORAGE_ERROR.code
const configs = { flush: 'commit' }
const valueBytes = 20_000
/** More than what several rounds of settling move. */
const mostBatches = 60

type FaultOf = (operation: Operation, path: string) => Fault

/** EIO for each such call once `isOn`. */
function eio(operation: Operation, path: RegExp): FaultOf {
  return (called, at) => (called === operation && path.test(at) ? 'EIO' : undefined)
}

/** The head's superblock: the first synced write after the recovery point has its name. */
function eioAtHead(): FaultOf {
  let isPublished = false
  return (operation, path) => {
    if (operation === 'rename' && path.includes('recovery-point')) isPublished = true
    return isPublished && operation === 'durable write' ? 'EIO' : undefined
  }
}

const cases: readonly { readonly what: string; readonly says: RegExp; readonly fault: () => FaultOf }[] = [
  {
    what: 'a commit',
    says: /shard-0\.journal: write failed: EIO/,
    fault: () => eio('durable write', /journals\/shard-0\.journal$/),
  },
  {
    what: "a segment's settling write",
    says: /one-0\/\d+\.log: write failed: EIO/,
    fault: () => eio('write', /one-0\/\d+\.log$/),
  },
  {
    what: "an index's settling write",
    says: /one-0\/\d+\.timeindex: write failed: EIO/,
    fault: () => eio('write', /one-0\/\d+\.timeindex$/),
  },
  {
    what: 'making the next segment',
    says: /one-0\/\d+\.log: open failed: EIO/,
    fault: () => eio('open', /one-0\/0*[1-9]\d*\.log$/),
  },
  {
    what: "a segment's sync",
    says: /one-0\/\d+\.log: sync failed: EIO/,
    fault: () => eio('sync', /one-0\/\d+\.log$/),
  },
  {
    what: "a folder's sync",
    says: /one-0: sync (of the )?folder failed: EIO/,
    fault: () => eio('sync folder', /one-0$/),
  },
  {
    what: 'writing the recovery point',
    says: /recovery-point\.new: write failed: EIO/,
    fault: () => eio('write', /recovery-point\.new$/),
  },
  {
    what: 'syncing the recovery point',
    says: /shard-0\.recovery-point: replacement failed: EIO/,
    fault: () => eio('sync', /recovery-point\.new$/),
  },
  {
    what: 'naming the recovery point',
    says: /shard-0\.recovery-point: replacement failed: EIO/,
    fault: () => eio('rename', /recovery-point/),
  },
  { what: "the journal's new head", says: /shard-0\.journal: write failed: EIO/, fault: eioAtHead },
]

/** Batches that were acknowledged until one was refused. */
function produceUntilRefused(one: OneTopic): number {
  for (let count = 0; count < mostBatches; count++) {
    const { code } = one.produce(valueBytes)
    if (code === refused) return count
    expect(code).to.equal(0)
    one.turns(20)
  }
  return expect.fail('nothing was refused')
}

describe('a shard whose disk fails at', () => {
  for (const { what, says, fault } of cases) {
    it(`${what} goes offline, says so, and has what it acknowledged after a restart`, () => {
      for (let seed = 1; seed <= 10; seed++) {
        // Files one by one: a whole file system's sync that fails is followed by those.
        const one = new OneTopic(seed, 1, { hasNoWholeSync: true })
        one.start(configs)
        one.fault = fault()
        const acknowledged = produceUntilRefused(one)
        const failure = StreamBusError.from(one.broker.failure)
        expect(failure.name, `seed ${seed}`).to.equal('KAFKA_STORAGE_ERROR')
        expect(failure.message, `seed ${seed}`).to.match(says)
        expect(one.bounds(), `seed ${seed}`).to.deep.equal([0, acknowledged])
        one.turns(100)
        expect(one.produce().code, `seed ${seed}`).to.equal(refused)
        one.fault = () => undefined
        // A stop writes nothing more either.
        for (const { shard } of one.broker.shards) shard.beginStop()
        one.turns(100)
        one.cutPower()
        one.start(configs)
        // The commit that failed may be on the disk.
        expect(one.bounds()[1], `seed ${seed}`).to.be.at.least(acknowledged)
        expect(one.produce().code, `seed ${seed}`).to.equal(0)
      }
    })
  }

  it('removing a segment that is below the log start goes offline', () => {
    const one = new OneTopic(1)
    one.start(configs)
    for (let count = 0; count < 20; count++) one.produce(valueBytes)
    one.broker.stop()
    one.kill()
    one.start(configs)
    one.fault = eio('remove', /\.deleted$/)
    one.deleteRecords(10)
    one.turns(300)
    expect(one.broker.failure?.message).to.match(/\.deleted: remove failed: EIO/)
    expect(one.produce().code).to.equal(refused)
  })

  it("making a new partition's files goes offline, and answers for that partition as for its others", () => {
    const one = new OneTopic(1)
    one.start(configs)
    one.produce()
    one.fault = eio('make folder', /one-0$/)
    one.makeAnew(configs)
    expect(one.broker.failure?.message).to.match(/one-0: make folder failed: EIO/)
    expect(one.produce().code).to.equal(refused)
    one.fault = () => undefined
    one.turns(50)
    expect(one.produce().code).to.equal(refused)
  })

  it('a commit so large that no more would fit into it still answers whoever asks', () => {
    const one = new OneTopic(1, 1, {}, 8 << 20)
    one.start({ ...configs, 'max.message.bytes': '2097152' })
    one.produce()
    one.fault = eio('durable write', /shard-0\.journal$/)
    expect(one.produce(1_100_000).code).to.equal(refused)
    expect(one.produce().code).to.equal(refused)
    expect(one.bounds()).to.deep.equal([0, 1])
  })

  it('telling its free space goes offline', () => {
    const one = new OneTopic(1)
    one.start(configs)
    one.produce()
    one.disk.freeBytes = () => {
      throw new StreamBusError('KAFKA_STORAGE_ERROR', '/data: ask for free space failed: EIO')
    }
    one.broker.nowMs += 2000
    one.turns(10)
    expect(one.produce().code).to.equal(refused)
    expect(one.broker.failure?.message).to.contain('ask for free space')
  })
})
