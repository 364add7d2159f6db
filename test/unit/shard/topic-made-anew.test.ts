/**
 * A topic that is deleted and made anew under the same name while files of the first are being synced.
 * Runs on: the test process, two shards inline on a disk in memory.
 */
import { expect } from 'chai'
import { OneTopic } from '../../support/one-topic.js'

describe('a topic made anew under the name of a deleted one', () => {
  it('puts no file in place before its own bytes are synced', () => {
    for (let seed = 1; seed <= 100; seed++) {
      // The second topic is on the other shard, which knows nothing of the first one's syncs.
      const one = new OneTopic(seed, 2)
      const unsynced = new Set<string>()
      one.fault = (operation, path) => {
        if (operation === 'write') unsynced.add(path)
        else if (operation === 'sync') unsynced.delete(path)
        else if (operation === 'rename' && path.endsWith('.tmp')) {
          expect(unsynced.has(path), `seed ${seed}: ${path} is renamed before it is synced`).to.equal(false)
        }
        return undefined
      }
      one.start({ flush: 'interval', 'flush.ms': '1' })
      one.produce()
      // Until its files are with the sync thread, which is not done with them yet in some of the histories.
      one.turns(1 + (seed % 5))
      one.makeAnew({ flush: 'interval', 'flush.ms': '60000' })
      one.produce()
      one.turns(50)
      one.broker.stop()
    }
  })
})
