/**
 * A program that has only the package streambus-client: sends and reads records of the broker in STREAMBUS_SERVER.
 */
import { connect, StreamBusError } from 'streambus-client'

const client = await connect({ server: process.env.STREAMBUS_SERVER })
await client.admin().createTopic({ name: 'sample-client' })
const producer = client.producer()
await producer.send({ topic: 'sample-client', key: 'k', value: 'from the client', headers: { a: 'b' } })
await producer.close()
for await (const batch of client.consumer({ topic: 'sample-client', untilEnd: true })) {
  for (const { offset, key, value } of batch.records()) console.log(offset, text(key), text(value))
}
const error = await client
  .admin()
  .describeTopic('not-there')
  .catch((caught) => caught)
console.log(error instanceof StreamBusError, error.name)
await client.close()

function text(bytes) {
  return new TextDecoder().decode(bytes)
}
