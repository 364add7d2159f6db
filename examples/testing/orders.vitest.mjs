/**
 * The orders, tested with vitest: `npx vitest run --config examples/testing/vitest.config.mjs`.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { order, ordersByCustomer } from './orders.mjs'
import { startTestBroker } from './test-broker.mjs'

describe('orders', () => {
  let broker

  beforeAll(async () => {
    broker = await startTestBroker()
  })
  afterAll(() => broker.stop())

  beforeEach(() => broker.client.admin().createTopic({ name: 'orders', partitions: 3 }))
  afterEach(() => broker.client.admin().deleteTopic('orders'))

  it('are kept in order for each customer', async () => {
    await order(broker.client, 'alice', 'apples')
    await order(broker.client, 'bob', 'a pear')
    await order(broker.client, 'alice', 'figs')
    const things = await ordersByCustomer(broker.client)
    expect(things.get('alice')).toEqual(['apples', 'figs'])
    expect(things.get('bob')).toEqual(['a pear'])
  })

  it('are none at first', async () => {
    expect((await ordersByCustomer(broker.client)).size).toBe(0)
  })
})
