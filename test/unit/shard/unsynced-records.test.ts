/**
 * Records that only the page cache holds, of topics that do not ask for synced writes, through kills, failed syncs and
 * power cuts: what is promised afterwards never rests on them before they are on the disk.
 * Runs on: the test process, shards inline on a disk in memory.
 */
import { expect } from 'chai'
import { OneTopic } from '../../support/one-topic.js'

const seeds = Array.from({ length: 20 }, (_, index) => index + 1)

describe('records that only the page cache holds', () => {
  it('are on the disk before a synced acknowledgement rests on them', () => {
    for (const seed of seeds) {
      const one = new OneTopic(seed)
      one.start({ flush: 'os' })
      for (let count = 0; count < 5; count++) one.produce()
      one.kill()
      one.start({ flush: 'commit' })
      expect(one.produce()).to.deep.equal({ code: 0, offset: 5 })
      one.cutPower()
      one.start({ flush: 'commit' })
      expect(one.bounds(), `seed ${seed}`).to.deep.equal([0, 6])
    }
  })

  it('are written again before a recovery point covers them: the sync before may have failed', () => {
    for (const seed of seeds) {
      // One sync of the whole file system may be done before the fault.
      const one = new OneTopic(seed, 1, { hasNoWholeSync: true })
      one.start({ flush: 'interval', 'flush.ms': '10' })
      one.turns(50)
      for (let count = 0; count < 5; count++) one.produce(30_000)
      one.fault = (operation, path) => (operation === 'sync' && path.includes('one-0') ? 'EIO' : undefined)
      one.broker.until(() => one.broker.failure !== undefined, 'the sync fails')
      one.fault = () => undefined
      one.kill()
      one.start({ flush: 'interval', 'flush.ms': '10' })
      expect(one.bounds()).to.deep.equal([0, 5])
      one.broker.stop()
      one.cutPower()
      one.start({ flush: 'interval', 'flush.ms': '10' })
      expect(one.bounds(), `seed ${seed}`).to.deep.equal([0, 5])
    }
  })

  it('are synced after a restart though nothing more is written', () => {
    for (const seed of seeds) {
      const one = new OneTopic(seed)
      one.start({ flush: 'interval', 'flush.ms': '50' })
      for (let count = 0; count < 5; count++) one.produce()
      one.kill()
      one.start({ flush: 'interval', 'flush.ms': '50' })
      one.turns(100)
      one.cutPower()
      one.start({ flush: 'interval', 'flush.ms': '50' })
      expect(one.bounds(), `seed ${seed}`).to.deep.equal([0, 5])
    }
  })

  it('leave no hole at the beginning when a power cut takes the first segment and not the second', () => {
    // Seeds that did, and some more: it takes a cut that keeps just the wrong names.
    for (const seed of [95, 331, 346, 496, 570, 576, ...seeds]) {
      const one = new OneTopic(seed)
      one.start({ flush: 'os' })
      for (let count = 0; count < 4; count++) one.produce(30_000)
      one.cutPower()
      one.start({ flush: 'os' })
      expect(one.bounds()[0], `seed ${seed}`).to.equal(0)
    }
  })
})

describe('a partition that is settled into several segments', () => {
  it('loses nothing when a power cut takes the first one, never synced, and not the second', () => {
    let count = 0
    for (const seed of seeds) {
      const one = new OneTopic(seed)
      one.start({ flush: 'commit' })
      for (let index = 0; index < 4; index++) one.produce(30_000)
      one.fault = (operation) => (operation === 'sync' ? 'kill' : undefined)
      one.broker.stop()
      one.fault = () => undefined
      one.disk.restartProcess()
      const segments = one.disk.list('/data/topics/one-0').filter((name) => name.endsWith('.log'))
      // How much a round takes, and when it begins, is the seed's choice.
      if (segments.length < 2 || one.disk.exists('/data/journals/shard-0.recovery-point')) continue
      count++
      one.disk.remove(`/data/topics/one-0/${segments[0]}`)
      one.start({ flush: 'commit' })
      expect(one.bounds()).to.deep.equal([0, 4])
    }
    expect(count).to.be.greaterThan(0)
  })
})
