/**
 * A program to be tested: what each customer ordered, from the topic that holds the orders.
 */

/** Orders a thing; resolves when that is on disk. */
export async function order(client, customer, thing) {
  const orders = client.topic('orders')
  const producer = orders.producer()
  await producer.send({ key: customer, value: { thing } })
  await producer.close()
}

/** A map of customers to the things that they ordered up to now, in order. */
export async function ordersByCustomer(client) {
  const things = new Map()
  for await (const { key, value } of client.topic('orders').consumer({ untilEnd: true })) {
    things.set(key, [...(things.get(key) ?? []), value.thing])
  }
  return things
}
