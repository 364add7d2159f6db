/**
 * A journal whose maker ended before its name was on the medium.
 * Runs on: the test process, a shard inline on a disk in memory.
 */
import { expect } from 'chai'
import { OneTopic } from '../../support/one-topic.js'

describe('the name of a journal', () => {
  for (const fault of ['kill', 'EIO'] as const) {
    it(`is on the medium before anything is acknowledged, also where its first sync ended with ${fault}`, () => {
      for (let seed = 1; seed <= 8; seed++) {
        const one = new OneTopic(seed)
        one.fault = (operation, path) => (operation === 'sync folder' && path === '/data/journals' ? fault : undefined)
        expect(() => one.start({})).to.throw(fault)
        one.fault = () => undefined
        one.kill()
        one.start({})
        expect(one.produce().code).to.equal(0)
        one.cutPower()
        one.start({})
        expect(one.bounds(), `seed ${seed}`).to.deep.equal([0, 1])
      }
    })
  }
})
