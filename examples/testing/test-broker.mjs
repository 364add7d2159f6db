/**
 * A broker for one test file: in this process, on a port of its own, in a folder that goes with it.
 */
import { connect, startBroker } from 'streambus'

export async function startTestBroker() {
  const broker = await startBroker({ temporary: true, port: 0, shards: 1, pinShards: false })
  const client = await connect({ server: `127.0.0.1:${broker.port}` })
  return {
    client,
    async stop() {
      await client.close()
      await broker.close()
    },
  }
}
