/**
 * A program that has only the package streambus: runs a broker of its own, sends and reads records. With the argument
 * `serve` it says the address and goes on until its standard input ends.
 */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, startBroker } from 'streambus'

const broker = await startBroker({ port: 0, dataFolder: await mkdtemp(join(tmpdir(), 'streambus-sample-')) })
const server = `127.0.0.1:${broker.port}`
if (process.argv[2] === 'serve') {
  console.log(server)
  await new Promise((resolve) => process.stdin.on('end', resolve).resume())
} else {
  const client = await connect({ server })
  await client.admin().createTopic({ name: 'sample-broker', partitions: 2 })
  const producer = client.producer()
  await producer.send({ topic: 'sample-broker', partition: 1, value: 'from the broker' })
  await producer.close()
  for await (const batch of client.consumer({ topic: 'sample-broker', untilEnd: true })) {
    for (const { partition, offset, value } of batch.records()) console.log(partition, offset, value.toString())
  }
  await client.close()
}
await broker.close()
