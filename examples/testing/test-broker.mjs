/**
 * A broker for one test file: in this process, on a port of its own, in a folder that is removed with it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, startBroker } from 'streambus'

export async function startTestBroker() {
  const dataFolder = mkdtempSync(join(tmpdir(), 'test-broker-'))
  const broker = await startBroker({ dataFolder, port: 0, shards: 1, pinShards: false })
  const client = await connect({ server: `127.0.0.1:${broker.port}` })
  return {
    client,
    async stop() {
      await client.close()
      await broker.abandon()
      rmSync(dataFolder, { recursive: true, force: true })
    },
  }
}
