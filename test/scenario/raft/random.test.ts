/**
 * Three brokers under random faults: what raft and the log promise must hold, and one seed must give one trace.
 * Runs on: the test process. Replay: STREAMBUS_SEED=N npm test -- test/scenario/raft/random.test.ts
 */
import { expect } from 'chai'
import { Random, seedOfRun, withSeed } from '../../support/random.js'
import { RaftSimulator } from '../../support/raft-simulator.js'

const brokers = [0, 1, 2]
const replay = 'npm test -- test/scenario/raft/random.test.ts'

/** One history of faults, and what is checked all the way. */
class History {
  readonly simulator: RaftSimulator
  private readonly random: Random
  private readonly leaderOfTerm = new Map<number, number>()
  private readonly imageOfVersion = new Map<number, string>()
  private readonly acknowledged = new Set<string>()
  private topics = 0
  private checkedAnswers = 0

  constructor(seed: number, options: { runtimeSeed?: number; durableWritesAreNot?: boolean } = {}) {
    this.simulator = new RaftSimulator(seed, brokers, options)
    this.random = new Random(seed + 1)
  }

  run(steps: number): this {
    const { simulator } = this
    this.quietStart()
    simulator.lossShare = this.random.pick([0, 0.02, 0.1])
    simulator.powerCutShare = this.random.pick([0.001, 0.005, 0.02])
    for (let step = 0; step < steps; step++) {
      this.act()
      this.check()
    }
    return this
  }

  private quietStart(): void {
    const { simulator } = this
    expect(simulator.stepUntil(() => simulator.leader !== undefined)).to.equal(true)
    simulator.propose(simulator.leader!, {
      type: 'registerBroker',
      version: 1,
      brokerId: 0,
      host: 'h',
      port: 1,
      incarnation: 'i',
    })
    simulator.step()
  }

  private act(): void {
    const { simulator, random } = this
    const broker = random.pick(brokers)
    if (!simulator.isUp(broker)) {
      if (random.chance(0.1)) simulator.start(broker)
      return
    }
    const dice = random.below(1000)
    if (dice < 250) simulator.tick(broker)
    else if (dice < 800) simulator.deliverOne()
    else if (dice < 980) this.propose(broker)
    else if (dice < 985) simulator.partition([[broker], brokers.filter((other) => other !== broker)])
    else if (dice < 992) simulator.heal()
    else if (dice < 995) simulator.snapshot(broker)
    else simulator.crash(broker)
  }

  private propose(broker: number): void {
    if (this.random.chance(0.5)) {
      this.simulator.propose(broker, { type: 'allocateProducerIds', version: 1, brokerId: 0, count: 10 })
      return
    }
    const topicId = (++this.topics).toString(16).padStart(32, '0')
    const name = `topic-${this.topics}`
    this.simulator.propose(broker, {
      type: 'createTopic',
      version: 1,
      name,
      topicId,
      partitions: 1,
      replicationFactor: 1,
      configs: {},
    })
  }

  private check(): void {
    for (const broker of this.simulator.upBrokers) {
      const node = this.simulator.node(broker)
      if (node.isLeader) this.checkLeader(node.status().term, broker)
      this.checkImage(broker)
    }
    const answers = this.simulator.answers
    for (; this.checkedAnswers < answers.length; this.checkedAnswers++) {
      const { result } = answers[this.checkedAnswers]!
      if (!result.ok) continue
      const promise = JSON.stringify(result.value)
      expect(this.acknowledged.has(promise), `${promise} was promised twice`).to.equal(false)
      this.acknowledged.add(promise)
    }
  }

  private checkLeader(term: number, broker: number): void {
    const known = this.leaderOfTerm.get(term) ?? broker
    expect(known, `leaders of term ${term}`).to.equal(broker)
    this.leaderOfTerm.set(term, broker)
  }

  private checkImage(broker: number): void {
    const { image } = this.simulator.node(broker)
    if (this.lastChecked.get(broker) === image) return
    this.lastChecked.set(broker, image)
    const text = new TextDecoder().decode(image.encode())
    const known = this.imageOfVersion.get(image.version) ?? text
    expect(text, `image ${image.version} on broker ${broker}`).to.equal(known)
    this.imageOfVersion.set(image.version, text)
  }

  private readonly lastChecked = new Map<number, unknown>()

  /** Faults end: all agree again, and nothing that was answered is missing. */
  settle(): this {
    const { simulator } = this
    simulator.lossShare = simulator.powerCutShare = 0
    simulator.heal()
    for (const broker of brokers) if (!simulator.isUp(broker)) simulator.start(broker)
    const agree = (): boolean =>
      simulator.leader !== undefined &&
      brokers.every((broker) => simulator.node(broker).isCaughtUp) &&
      new Set(brokers.map((broker) => simulator.node(broker).appliedIndex)).size === 1
    expect(simulator.stepUntil(agree, 500), 'the brokers agree').to.equal(true)
    this.check()
    const { image } = simulator.node(0)
    for (const promise of this.acknowledged) this.checkKept(JSON.parse(promise) as { topicId?: string; end?: number })
    const ids = image.topics.flatMap((topic) => topic.partitions.map((partition) => partition.partitionId))
    expect(new Set(ids).size).to.equal(ids.length)
    return this
  }

  private checkKept({ topicId, end }: { topicId?: string; end?: number }): void {
    const { image } = this.simulator.node(0)
    if (topicId !== undefined) expect(image.topicById(topicId), `topic ${topicId}`).not.to.equal(undefined)
    if (end !== undefined) expect(image.nextProducerId).to.be.at.least(end)
  }

  get summary(): string {
    return `${this.simulator.traceHash} ${this.simulator.powerCuts} ${this.acknowledged.size}`
  }
}

describe('raft under random faults', () => {
  it('has one leader a term, one image a version, and keeps what it answered', function () {
    this.timeout(60_000)
    const first = seedOfRun()
    let powerCuts = 0
    for (let seed = first; seed < first + 12; seed++) {
      withSeed(seed, replay, () => {
        powerCuts += new History(seed).run(1500).settle().simulator.powerCuts
      })
    }
    expect(powerCuts, 'power cuts that met a call').to.be.greaterThan(10)
  })

  it('gives the same trace for the same seed, whatever seeds the Go runtime, and another for another', function () {
    this.timeout(30_000)
    const trace = (seed: number, runtimeSeed: number): string => new History(seed, { runtimeSeed }).run(1000).summary
    const seed = seedOfRun()
    withSeed(seed, replay, () => {
      expect(trace(seed, 1)).to.equal(trace(seed, 2))
      expect(trace(seed, 1)).not.to.equal(trace(seed + 1, 1))
    })
  })

  it('fails without synced writes: the test sees it', function () {
    this.timeout(60_000)
    let failures = 0
    for (let seed = 1; seed <= 20 && failures === 0; seed++) {
      try {
        new History(seed, { durableWritesAreNot: true }).run(1500).settle()
      } catch {
        failures++
      }
    }
    expect(failures).to.be.greaterThan(0)
  })
})
