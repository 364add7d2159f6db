/**
 * The metadata state machine: each command in each state that matters to it.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import {
  encodeCommand,
  type CreateTopic,
  maxCommandBytes,
  type MetadataCommand,
  parseCommand,
} from '../../../native-free-core/metadata/metadata-command.js'
import { MetadataImage } from '../../../native-free-core/metadata/metadata-image.js'
import { type CommandResult, MetadataState } from '../../../native-free-core/metadata/metadata-state.js'

const clusterId = 'c'.repeat(32)
const idA = 'a'.repeat(32)
const idB = 'b'.repeat(32)
const idD = 'd'.repeat(32)
const broker = (brokerId: number, incarnation = 'x'): MetadataCommand => ({
  type: 'registerBroker',
  version: 1,
  brokerId,
  host: 'h',
  port: 9400 + brokerId,
  incarnation,
})
const create = (name: string, topicId: string, extra: Partial<CreateTopic> = {}): CreateTopic => ({
  type: 'createTopic',
  version: 1,
  name,
  topicId,
  partitions: 2,
  replicationFactor: 1,
  configs: {},
  ...extra,
})
const remove = (target: { name?: string; topicId?: string }): MetadataCommand => ({
  type: 'deleteTopic',
  version: 1,
  ...target,
})
const alter = (target: { name?: string; topicId?: string }, configs: Record<string, string>): MetadataCommand => ({
  type: 'alterTopicConfig',
  version: 1,
  ...target,
  configs,
})
const allocate = (brokerId: number, count: number): MetadataCommand => ({
  type: 'allocateProducerIds',
  version: 1,
  brokerId,
  count,
})

const forget = (brokerId: number, imageVersion: number): MetadataCommand => ({
  type: 'forgetDeletedTopics',
  version: 1,
  brokerId,
  imageVersion,
})

class Machine {
  readonly state = new MetadataState(MetadataImage.empty(clusterId))
  index = 0

  constructor(...before: MetadataCommand[]) {
    for (const command of before) expect(this.do(command).ok, command.type).to.equal(true)
  }

  do(command: MetadataCommand): CommandResult {
    return this.state.apply(new TextEncoder().encode(JSON.stringify(command)), ++this.index)
  }
}

/** What the result says, in one line. */
function told(result: CommandResult): string {
  return result.ok ? JSON.stringify(result.value) : `${result.error}: ${result.message}`
}

const withTopic = [broker(0), create('a.b', idA, { configs: { 'retention.ms': '5' } })]
const deletedTopic = [...withTopic, remove({ name: 'a.b' })]
const rows: readonly (readonly [string, readonly MetadataCommand[], MetadataCommand, RegExp, boolean])[] = [
  // state, command, what is answered, whether the image changes
  ['empty', [], broker(3), /^\{"brokerId":3\}$/, true],
  ['broker known', [broker(3)], broker(3), /^\{"brokerId":3\}$/, false],
  ['broker known', [broker(3)], broker(3, 'y'), /^\{"brokerId":3\}$/, true],
  ['no broker', [], create('a', idA), /^INVALID_REPLICATION_FACTOR: .*factor 1, but the number of brokers is 0/, false],
  ['one broker', [broker(0)], create('a', idA), /^\{"topicId":"a{32}","name":"a"\}$/, true],
  ['one broker', [broker(0)], create('a', idA, { replicationFactor: 3 }), /^INVALID_REPLICATION_FACTOR: .*is 1/, false],
  ['one broker', [broker(0)], create('a', idA, { partitions: 0 }), /^INVALID_PARTITIONS/, false],
  ['topic exists', withTopic, create('a.b', idB), /^TOPIC_ALREADY_EXISTS: topic a\.b exists/, false],
  ['topic exists', withTopic, create('a_b', idB), /^TOPIC_ALREADY_EXISTS: topic a_b collides with a\.b/, false],
  ['topic exists', withTopic, create('a-b', idA), /^INVALID_REQUEST: .*given to a topic before/, false],
  ['topic exists', withTopic, create('a-b', idB), /^\{"topicId":"b{32}"/, true],
  ['topic deleted', [...withTopic, remove({ name: 'a.b' })], create('a_b', idB), /^\{"topicId":"b{32}"/, true],
  ['topic deleted', [...withTopic, remove({ name: 'a.b' })], create('a.b', idA), /^INVALID_REQUEST/, false],
  ['empty', [], remove({ name: 'a' }), /^UNKNOWN_TOPIC_OR_PARTITION: .*no topic a/, false],
  ['empty', [], remove({ topicId: idA }), /^UNKNOWN_TOPIC_ID/, false],
  ['topic exists', withTopic, remove({ topicId: idA }), /^\{"topicId":"a{32}","name":"a\.b"\}$/, true],
  ['topic exists', withTopic, remove({ name: 'a.b', topicId: idA }), /^\{"topicId"/, true],
  ['topic exists', withTopic, remove({ name: 'a.b', topicId: idD }), /^UNKNOWN_TOPIC_ID/, false],
  ['topic exists', withTopic, remove({ name: 'other', topicId: idA }), /^UNKNOWN_TOPIC_ID/, false],
  ['topic exists', withTopic, alter({ name: 'a.b' }, { 'retention.ms': '5' }), /^\{"topicId"/, false],
  ['topic exists', withTopic, alter({ name: 'a.b' }, { 'retention.ms': '6' }), /^\{"topicId"/, true],
  ['topic exists', withTopic, alter({ name: 'a.b' }, { 'retention.ms': '' }), /^\{"topicId"/, true],
  ['empty', [], alter({ name: 'a' }, {}), /^UNKNOWN_TOPIC_OR_PARTITION/, false],
  ['no broker', [], allocate(0, 10), /^INVALID_REQUEST: .*broker 0 is not registered/, false],
  ['one broker', [broker(0)], allocate(0, 10), /^\{"start":0,"end":10\}$/, true],
  ['ids given', [broker(0), allocate(0, 10)], allocate(0, 5), /^\{"start":10,"end":15\}$/, true],
  ['one broker', [broker(0)], allocate(0, 0), /^INVALID_REQUEST/, false],
  ['no broker', [], forget(0, 5), /^INVALID_REQUEST: .*broker 0 is not registered/, false],
  ['two brokers', [...deletedTopic, broker(1)], forget(0, 5), /^INVALID_REQUEST: .*speak for all 2 brokers/, false],
  ['nothing deleted', withTopic, forget(0, 5), /^\{"forgottenTopics":0\}$/, false],
  ['deleted later', deletedTopic, forget(0, 2), /^\{"forgottenTopics":0\}$/, false],
  ['topic deleted', deletedTopic, forget(0, 3), /^\{"forgottenTopics":1\}$/, true],
  ['forgotten', [...deletedTopic, forget(0, 3)], create('a.b', idA), /^\{"topicId":"a{32}"/, true],
]

describe('metadata state', () => {
  for (const [state, before, command, answer, changes] of rows) {
    const { type, version: _version, ...fields } = command
    it(`${state}: ${type} ${JSON.stringify(fields).slice(0, 90)} gives ${answer.source.slice(0, 40)}`, () => {
      const machine = new Machine(...before)
      const image = machine.state.image
      expect(told(machine.do(command))).to.match(answer)
      expect(machine.state.image !== image, 'the image changed').to.equal(changes)
      if (changes) expect(machine.state.image.version).to.equal(machine.index)
    })
  }

  it('never gives a partition id twice', () => {
    const machine = new Machine(broker(0), create('a', idA), remove({ name: 'a' }), create('a', idB))
    const ids = machine.state.image.topics[0]!.partitions.map((partition) => partition.partitionId)
    expect(ids).to.deep.equal([2, 3])
    expect(machine.state.image.isDeleted(idA)).to.equal(true)
    expect(machine.state.image.isDeleted(idB)).to.equal(false)
  })

  it('forgets deleted topics up to an image, and no others', () => {
    const before = [broker(0), create('a', idA), create('b', idB), create('d', idD)]
    const machine = new Machine(...before, remove({ name: 'b' }), remove({ name: 'a' }))
    expect(machine.do(forget(0, 5)).ok).to.equal(true)
    expect(machine.state.image.deletedTopics).to.deep.equal([{ topicId: idA, version: 6 }])
    expect(machine.state.image.topics.map(({ name }) => name)).to.deep.equal(['d'])
    expect(MetadataImage.parse(machine.state.image.encode()).isDeleted(idB)).to.equal(false)
  })

  it('spreads leaders and copies over the brokers', () => {
    const machine = new Machine(
      broker(2),
      broker(0),
      broker(1),
      create('a', idA, { partitions: 4, replicationFactor: 2 }),
    )
    const replicas = machine.state.image.topics[0]!.partitions.map((partition) => partition.replicas)
    expect(replicas).to.deep.equal([
      [0, 1],
      [1, 2],
      [2, 0],
      [0, 1],
    ])
  })

  it('keeps an image as it was when the state goes on', () => {
    const machine = new Machine(broker(0), create('a', idA))
    const before = machine.state.image
    const bytes = before.encode()
    machine.do(alter({ name: 'a' }, { 'retention.ms': '1' }))
    machine.do(remove({ name: 'a' }))
    expect(before.encode()).to.deep.equal(bytes)
  })

  it('goes on from an image exactly as the machine that made it', () => {
    const machine = new Machine(...withTopic, create('x', idB), remove({ name: 'x' }), allocate(0, 7))
    const second = new MetadataState(MetadataImage.parse(machine.state.image.encode()))
    for (const command of [create('y', idD), create('a_b', 'e'.repeat(32)), allocate(0, 3), remove({ topicId: idA })]) {
      const bytes = new TextEncoder().encode(JSON.stringify(command))
      const index = ++machine.index
      expect(second.apply(bytes, index)).to.deep.equal(machine.state.apply(bytes, index))
    }
    expect(second.image.encode()).to.deep.equal(machine.state.image.encode())
  })

  it('answers a command of a wrong shape, and stops at one of a newer release', () => {
    const machine = new Machine()
    const wrong = { ...create('a', idA), partitions: 'two' } as unknown as MetadataCommand
    expect(told(machine.do(wrong))).to.match(/^INVALID_REQUEST: createTopic: partitions is "two"/)
    const newer = { ...broker(0), version: 2 } as unknown as MetadataCommand
    expect(() => machine.do(newer)).to.throw(/registerBroker version 2/)
    const unknown = { type: 'toString', version: 1 } as unknown as MetadataCommand
    expect(() => machine.do(unknown)).to.throw(/toString version 1/)
  })
})

describe('metadata command', () => {
  const bad: readonly (readonly [string, MetadataCommand, string])[] = [
    ['an empty name', create('', idA), 'INVALID_TOPIC_EXCEPTION'],
    ['the name ..', create('..', idA), 'INVALID_TOPIC_EXCEPTION'],
    ['a name of 250 characters', create('x'.repeat(250), idA), 'INVALID_TOPIC_EXCEPTION'],
    ['a name with a slash', create('a/b', idA), 'INVALID_TOPIC_EXCEPTION'],
    ['10,001 partitions', create('a', idA, { partitions: 10_001 }), 'INVALID_PARTITIONS'],
    ['half a partition', create('a', idA, { partitions: 0.5 }), 'INVALID_REQUEST'],
    ['no copy', create('a', idA, { replicationFactor: 0 }), 'INVALID_REPLICATION_FACTOR'],
    ['an unknown configuration', create('a', idA, { configs: { nonsense: '1' } }), 'INVALID_CONFIG'],
    ['a configuration out of range', alter({ name: 'a' }, { 'retention.ms': '-7' }), 'INVALID_CONFIG'],
    ['the default of an unknown configuration', alter({ name: 'a' }, { nonsense: '' }), 'INVALID_CONFIG'],
    ['neither name nor id', remove({}), 'INVALID_REQUEST'],
    ['an id that is none', remove({ topicId: 'A' }), 'INVALID_REQUEST'],
    ['a block of no ids', allocate(0, 0), 'INVALID_REQUEST'],
    ['a port out of range', broker(60_000), 'INVALID_REQUEST'],
    ['an image before the first', forget(0, -1), 'INVALID_REQUEST'],
    ['a broker out of range', forget(70_000, 1), 'INVALID_REQUEST'],
    [
      'more bytes than fit',
      create('a', idA, { configs: { 'retention.ms': '1'.padStart(maxCommandBytes, '0') } }),
      'INVALID_REQUEST',
    ],
  ]
  for (const [what, command, error] of bad) {
    it(`is refused before it is proposed: ${what}`, () => {
      expect(() => encodeCommand(command))
        .to.throw()
        .with.property('name', error)
    })
  }

  it("takes Kafka's longest name and every character that it allows", () => {
    expect(() => encodeCommand(create(`a.Z_0-${'9'.repeat(243)}`, idA))).not.to.throw()
  })

  it('comes back from its bytes', () => {
    for (const command of [
      broker(1),
      create('a', idA),
      remove({ name: 'a' }),
      alter({ topicId: idA }, {}),
      allocate(1, 2),
      forget(1, 2),
    ]) {
      expect(parseCommand(encodeCommand(command))).to.deep.equal(command)
    }
  })
})
