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

  it('is there for every shard before the first partition: a start cut short leaves none that looks lost', () => {
    const one = new OneTopic(1, 3)
    const journals = () => one.disk.list('/data/journals').filter((name) => /^shard-\d\.journal$/.test(name))
    let whenPartitionCame: string[] | undefined
    one.fault = (operation, path) => {
      if (operation === 'make folder' && path.includes('/topics/one-0')) whenPartitionCame ??= journals()
      return undefined
    }
    one.start({})
    expect(whenPartitionCame).to.deep.equal(['shard-0.journal', 'shard-1.journal', 'shard-2.journal'])
  })

  it('comes in the order of the shards, and the next start goes on from any moment', () => {
    for (let cut = 1; cut <= 12; cut++) {
      const one = new OneTopic(cut, 3)
      let count = 0
      one.fault = (_, path) => (path.includes('/journals') && ++count === cut ? 'power cut' : undefined)
      try {
        one.start({})
      } catch {
        // The moment that is meant.
      }
      one.fault = () => undefined
      one.cutPower()
      one.start({})
      expect(one.produce().code, `cut ${cut}`).to.equal(0)
    }
  })

  it('is missed for each of them, the last too, whatever the others hold', () => {
    for (const shard of [0, 1, 2]) {
      const one = new OneTopic(shard, 3)
      one.start({})
      one.kill()
      const path = `/data/journals/shard-${shard}.journal`
      one.disk.remove(path)
      expect(() => one.start({})).to.throw(`${path} is missing`)
      one.disk.close(one.disk.open(`${path}.lost`, 'create'))
      one.start({})
      expect(one.produce().code).to.equal(0)
    }
  })

  it('is missed by nobody when there are fewer or more of them, from any moment of the start that made it so', () => {
    for (const [from, to] of [
      [3, 2],
      [3, 1],
      [1, 3],
      [2, 4],
    ] as const) {
      let isOver = false
      for (let cut = 1; !isOver; cut++) {
        const one = new OneTopic(cut, from)
        one.start({})
        expect(one.produce().code).to.equal(0)
        one.kill()
        one.shardCount = to
        let count = 0
        one.fault = (_, path) => (path.includes('/journals') && ++count === cut ? 'power cut' : undefined)
        try {
          one.start({})
        } catch {
          // The moment that is meant.
        }
        isOver = count < cut
        one.fault = () => undefined
        one.cutPower()
        one.start({})
        expect(one.bounds(), `${from} to ${to}, cut ${cut}`).to.deep.equal([0, 1])
        one.kill()
        one.start({})
        expect(one.produce().code).to.equal(0)
      }
    }
  }).timeout(60_000)

  it('is not guessed from a damaged count', () => {
    const one = new OneTopic(1, 2)
    one.start({})
    one.kill()
    const file = one.disk.open('/data/journals/journal-count', 'read-write')
    one.disk.write(file, Buffer.from('x'), 0)
    one.disk.close(file)
    expect(() => one.start({})).to.throw(/journal-count holds "x\\n"; expected the number of journals: restore it/)
    one.disk.remove('/data/journals/journal-count')
    one.start({})
    expect(one.bounds()).to.deep.equal([0, 0])
  })
})
