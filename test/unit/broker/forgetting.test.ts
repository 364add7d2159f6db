/**
 * When main has the metadata forget deleted topics: not before the start is over, seldom for few, sooner for many.
 * Runs on: the test process, with a clock of its own.
 */
import { expect } from 'chai'
import { MetadataImage } from '../../../native-free-core/metadata/metadata-image.js'
import { Forgetting } from '../../../src/broker/forgetting.js'
import { enter, leave } from '../../simulation/globals.js'
import { Trace } from '../../simulation/trace.js'
import { World } from '../../simulation/world.js'
import { Random } from '../../support/random.js'

const intervalMs = 60_000

describe('main forgets deleted topics', () => {
  let world: World
  let process: ReturnType<World['addProcess']>
  let image: MetadataImage
  let proposed: number[]
  let propose: (version: number) => Promise<void>
  let forgetting: Forgetting

  beforeEach(() => {
    world = new World(new Random(1), new Random(2), new Trace(0))
    enter(world)
    process = world.addProcess('p')
    // Whose timers these are.
    world.current = process
    image = imageWith(10)
    proposed = []
    propose = () => Promise.resolve()
    forgetting = new Forgetting({
      intervalMs,
      image: () => image,
      propose: (version) => {
        proposed.push(version)
        return propose(version)
      },
    })
  })

  afterEach(() => {
    world.kill(process)
    leave()
  })

  /** With so many deleted topics, of the versions from 1 on. */
  function imageWith(count: number, brokerIds = [0]): MetadataImage {
    const deletedTopics = Array.from({ length: count }, (_, index) => ({
      topicId: index.toString(16).padStart(32, '0'),
      version: index + 1,
    }))
    const brokers = brokerIds.map((brokerId) => ({ brokerId, host: 'h', port: 1, incarnation: 'x' }))
    const ids = { clusterId: 'c1'.repeat(16), nextPartitionId: 1, nextProducerId: 1 }
    return new MetadataImage({ version: count, ...ids, brokers, topics: [], deletedTopics })
  }

  /** Time goes on by `ms`; timers that are due by then run. */
  async function pass(ms: number): Promise<void> {
    const endMs = world.nowMs + ms
    for (;;) {
      // What a promise does next is done before the next timer.
      for (let turn = 0; turn < 5; turn++) await Promise.resolve()
      if (world.hasReady) world.step()
      else if (!world.jump(endMs - world.nowMs)) break
    }
    world.nowMs = Math.max(world.nowMs, endMs)
  }

  it('not before the broker is ready, and then not at once', async () => {
    image = imageWith(1000)
    forgetting.cleared(1000)
    await pass(10 * intervalMs)
    forgetting.start()
    await pass(900)
    expect(proposed).to.deep.equal([])
    await pass(200)
    expect(proposed).to.deep.equal([1000])
  })

  it('after a minute where there are few, all that may be forgotten by then', async () => {
    forgetting.start()
    await pass(1000)
    forgetting.cleared(3)
    await pass(50_000)
    forgetting.cleared(7)
    await pass(8000)
    expect(proposed).to.deep.equal([])
    await pass(2000)
    expect(proposed).to.deep.equal([7])
  })

  it('within a second where there are 64 of them, and counts none that may not be forgotten', async () => {
    image = imageWith(100)
    forgetting.start()
    await pass(2000)
    forgetting.cleared(63)
    await pass(2000)
    expect(proposed).to.deep.equal([])
    forgetting.cleared(64)
    await pass(10)
    expect(proposed).to.deep.equal([64])
  })

  it('one proposal at a time, and again where it is refused', async () => {
    let refuse: (error: Error) => void = () => undefined
    propose = () => new Promise((_resolve, reject) => (refuse = reject))
    image = imageWith(100)
    forgetting.start()
    forgetting.cleared(80)
    await pass(2000)
    forgetting.cleared(100)
    await pass(10 * intervalMs)
    expect(proposed).to.deep.equal([80])
    refuse(new Error('not now'))
    await pass(2000)
    expect(proposed).to.deep.equal([80, 100])
  })

  it('not when nothing can go, in a cluster of several brokers, or after the end', async () => {
    forgetting.start()
    forgetting.cleared(0)
    await pass(2 * intervalMs)
    image = imageWith(100, [0, 1])
    forgetting.cleared(100)
    await pass(2 * intervalMs)
    image = imageWith(100)
    forgetting.cleared(100)
    forgetting.stop()
    await pass(2 * intervalMs)
    forgetting.cleared(100)
    await pass(2 * intervalMs)
    expect(proposed).to.deep.equal([])
  })
})
