/**
 * A program in TypeScript that runs a broker; it is compiled against the packed declarations only.
 * Runs on: nothing.
 */
import { type Broker, type BrokerOptions, connect, type Log, startBroker, type StreamBusError } from 'streambus'

const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const options: BrokerOptions = { port: 0, dataFolder: '/tmp', log, onFatal: (error: StreamBusError) => void error.code }

export async function run(): Promise<number> {
  const broker: Broker = await startBroker(options)
  const client = await connect({ server: `127.0.0.1:${broker.port}` })
  await client.close()
  await broker.close()
  return broker.facts.startDurationMs + broker.config.maxFrameBytes
}

// @ts-expect-error: what only the broker itself calls is not declared.
export const image = (broker: Broker) => broker.image()
