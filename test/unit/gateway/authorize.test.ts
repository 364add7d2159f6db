/**
 * authorize() is asked for every row of the protocol table, on both subprotocols, before anything else happens.
 * Runs on: the test process, over a fake shard.
 */
import { expect } from 'chai'
import type { ByteWriter } from '../../../native-free-core/bytes/byte-writer.js'
import * as codecs from '../../../native-free-core/protocol/codecs.generated.js'
import { FrameWriter } from '../../../native-free-core/protocol/frame.js'
import { messageRows } from '../../../native-free-core/protocol/message-table.js'
import { authorizeByRole } from '../../../src/gateway/authorize.js'
import { nobody, Principal, type Role } from '../../../src/gateway/principal.js'
import { apiOf, batchOf, codeOf, GatewayFixture } from '../../support/gateway-fixture.js'

const topic = { partitionId: 0 }

/** A right body for each row that a client may send. */
const bodies: Readonly<Record<string, (body: ByteWriter) => void>> = {
  Hello: (body) => codecs.writeHelloRequest(body, { protocolVersion: 1, clientName: '' }),
  Authenticate: (body) => codecs.writeAuthenticateRequest(body, { mechanism: 'TOKEN', token: 'x' }),
  Ping: () => undefined,
  Metadata: (body) => codecs.writeMetadataRequest(body, { all: false, names: ['t'] }),
  CreateTopic: (body) =>
    codecs.writeCreateTopicRequest(body, { name: 'n', partitions: 1, replicationFactor: 1, configs: [] }),
  DeleteTopic: (body) => codecs.writeDeleteTopicRequest(body, { name: 't' }),
  DescribeTopic: (body) => codecs.writeDescribeTopicRequest(body, { name: 't' }),
  AlterTopicConfig: (body) => codecs.writeAlterTopicConfigRequest(body, { name: 't', configs: [] }),
  DeleteRecords: (body) => codecs.writeDeleteRecordsRequest(body, { ...topic, beforeOffset: 0 }),
  InitProducerId: () => undefined,
  Produce: (body) => codecs.writeProduceRequest(body, { ...topic, acks: -1, batch: batchOf(1) }),
  Fetch: (body) => codecs.writeFetchRequest(body, { ...topic, offset: 0, maxBytes: 1, minBytes: 0, maxWaitMs: 0 }),
  ListOffsets: (body) => codecs.writeListOffsetsRequest(body, { ...topic, timestampMs: -1 }),
  Subscribe: (body) =>
    codecs.writeSubscribeRequest(body, { ...topic, subscriptionId: 1, offset: -1, creditBytes: 1000 }),
  Unsubscribe: (body) => codecs.writeUnsubscribeRequest(body, { subscriptionId: 1 }),
  Credit: (body) => codecs.writeCreditRequest(body, { subscriptionId: 1, creditBytes: 1 }),
  ClusterStatus: () => undefined,
  DescribeBrokerConfig: (body) => codecs.writeDescribeBrokerConfigRequest(body, { keys: [] }),
  AlterBrokerConfig: (body) => codecs.writeAlterBrokerConfigRequest(body, { configs: [], reset: [] }),
}

const jsonBodies: Readonly<Record<string, object>> = {
  Authenticate: { token: 'x' },
  Metadata: { topics: ['t'] },
  CreateTopic: { topic: 'n' },
  DeleteTopic: { topic: 't' },
  DescribeTopic: { topic: 't' },
  AlterTopicConfig: { topic: 't' },
  DeleteRecords: { topic: 't', partition: 0, beforeOffset: 0 },
  Produce: { topic: 't', value: 1 },
  Fetch: { topic: 't', partition: 0, offset: 0 },
  ListOffsets: { topic: 't', partition: 0, timestamp: 'latest' },
  Subscribe: { subscription: 1, topic: 't', partition: 0, creditBytes: 1000 },
  Unsubscribe: { subscription: 1 },
  Credit: { subscription: 1, creditBytes: 1 },
}

const asked = Object.entries(messageRows).filter(([, row]) => row.kind !== 'push')

describe('authorize', () => {
  let fixture: GatewayFixture
  let calls: string[] = []
  let denied: string | undefined

  beforeEach(async () => {
    calls = []
    denied = undefined
    fixture = await GatewayFixture.open({
      authorize: (principal, operation, resource, name) => {
        calls.push(`${principal.name} ${operation} ${resource} ${name}`.trim())
        return `${operation} ${resource}` !== denied
      },
    })
  })

  afterEach(() => fixture.close())

  it('has a body in this test for every row', () => {
    expect(Object.keys(bodies)).to.have.members(asked.map(([name]) => name))
  })

  for (const [name, row] of asked) {
    const resourceName = row.resource === 'topic' ? (name === 'CreateTopic' ? 'n' : 't') : ''
    const expected = `anonymous ${row.operation} ${row.resource} ${resourceName}`.trim()

    it(`is asked for ${name} on streambus.v1`, async () => {
      const client = await fixture.connect()
      if (row.operation === 'none' && name !== 'Hello') await client.ask('Subscribe', bodies['Subscribe']!)
      if (name !== 'Hello') calls = []
      if (name === 'Hello') expect(calls).to.deep.equal([expected])
      else if (row.kind === 'oneway') {
        const writer = new FrameWriter()
        bodies[name]!(writer.begin(apiOf(name), 0, 0))
        writer.end()
        client.send(writer.view())
        await client.ask('Ping')
        expect(calls[0]).to.equal(expected)
      } else {
        await client.ask(name, bodies[name]!)
        expect(calls).to.include(expected)
      }
    })

    it(`is asked for ${name} on streambus.json.v1`, async () => {
      const client = await fixture.connect('streambus.json.v1')
      if (row.operation === 'none' && name !== 'Hello')
        await client.json({ op: 'subscribe', ...jsonBodies['Subscribe'] })
      calls = []
      await client.json({ op: name[0]!.toLowerCase() + name.slice(1), ...jsonBodies[name] })
      expect(calls).to.include(expected)
    })

    if (row.resource === 'none') continue
    it(`refuses ${name} when the right is missing`, async () => {
      denied = `${row.operation} ${row.resource}`
      const client = await fixture.connect()
      const { error } = await client.ask(name, bodies[name]!)
      const refusal = row.resource === 'topic' ? 'TOPIC_AUTHORIZATION_FAILED' : 'CLUSTER_AUTHORIZATION_FAILED'
      expect(error?.code).to.equal(codeOf(refusal))
      expect(fixture.shards[0]!.producedCount).to.equal(0)
    })
  }
})

describe('roles', () => {
  const everybody: readonly Role[] = ['admin', 'produce', 'consume', 'metrics']
  const mayDescribe: readonly Role[] = ['admin', 'produce', 'consume']
  /** What docs/security.md says of each message. */
  const table: Readonly<Record<string, readonly Role[]>> = {
    Hello: everybody,
    Authenticate: everybody,
    Ping: everybody,
    Unsubscribe: everybody,
    Credit: everybody,
    Metadata: mayDescribe,
    DescribeTopic: mayDescribe,
    ListOffsets: mayDescribe,
    Produce: ['admin', 'produce'],
    InitProducerId: ['admin', 'produce'],
    Fetch: ['admin', 'consume'],
    Subscribe: ['admin', 'consume'],
    CreateTopic: ['admin'],
    DeleteTopic: ['admin'],
    AlterTopicConfig: ['admin'],
    DeleteRecords: ['admin'],
    ClusterStatus: ['admin', 'metrics'],
    DescribeBrokerConfig: ['admin', 'metrics'],
    AlterBrokerConfig: ['admin'],
  }

  it('are decided here for every message', () => {
    for (const [name] of asked) expect(table).to.have.property(name)
  })

  for (const [name, row] of asked) {
    for (const role of everybody) {
      it(`${role} and ${name}`, () => {
        const mayAtAll = table[name]!.includes(role)
        const isAnyTopic = role === 'admin' || row.resource !== 'topic'
        const principal = new Principal({ name: 'p', roles: [role], topics: ['orders.', 'log'] }, '')
        const ask = (topicName: string) => authorizeByRole(principal, row.operation, row.resource, topicName)
        for (const mine of ['orders.', 'orders.eu', 'log', 'logs']) expect(ask(mine), mine).to.equal(mayAtAll)
        for (const foreign of ['orders', 'Orders.eu', 'xorders.', 'lo', 'payments', '__proto__']) {
          expect(ask(foreign), foreign).to.equal(mayAtAll && isAnyTopic)
          // The second time out of what is kept.
          expect(ask(foreign), foreign).to.equal(mayAtAll && isAnyTopic)
        }
        const ofAll = new Principal({ name: 'p', roles: [role], topics: ['*'] }, '')
        expect(authorizeByRole(ofAll, row.operation, row.resource, 'payments')).to.equal(mayAtAll)
        const ofNone = new Principal({ name: 'p', roles: [role], topics: [] }, '')
        expect(authorizeByRole(ofNone, row.operation, row.resource, 'payments')).to.equal(mayAtAll && isAnyTopic)
        expect(authorizeByRole(nobody, row.operation, row.resource, 'payments')).to.equal(row.operation === 'none')
      })
    }
  }

  it('add up', () => {
    const both = new Principal({ name: 'p', roles: ['produce', 'consume'], topics: ['t'] }, '')
    expect(
      ['read', 'write', 'describe'].every((right) => authorizeByRole(both, right as 'read', 'topic', 't')),
    ).to.equal(true)
    expect(authorizeByRole(both, 'delete', 'topic', 't')).to.equal(false)
  })

  it('keep a bounded number of names', () => {
    const principal = new Principal({ name: 'p', roles: ['consume'], topics: ['a'] }, '')
    for (let index = 0; index < 50_000; index++) principal.topicRights(`name-${index}`)
    expect((principal as unknown as { byName: Map<string, number> }).byName.size).to.be.at.most(10_000)
  })
})
