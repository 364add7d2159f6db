/**
 * The orders, tested with mocha: `npx mocha examples/testing/orders.mocha.mjs`.
 */
import { strict as assert } from 'node:assert'
import { order, ordersByCustomer } from './orders.mjs'
import { startTestBroker } from './test-broker.mjs'

describe('orders', () => {
  let broker

  before(async () => {
    broker = await startTestBroker()
  })
  after(() => broker.stop())

  beforeEach(() => broker.client.admin().createTopic({ name: 'orders', partitions: 3 }))
  afterEach(() => broker.client.admin().deleteTopic('orders'))

  it('are kept in order for each customer', async () => {
    await order(broker.client, 'alice', 'apples')
    await order(broker.client, 'bob', 'a pear')
    await order(broker.client, 'alice', 'figs')
    const things = await ordersByCustomer(broker.client)
    assert.deepEqual(things.get('alice'), ['apples', 'figs'])
    assert.deepEqual(things.get('bob'), ['a pear'])
  })

  it('are none at first', async () => {
    assert.equal((await ordersByCustomer(broker.client)).size, 0)
  })
})
