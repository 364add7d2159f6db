/**
 * A broker as a process of its own for chaos tests. Its argument is JSON: the options of startBroker. It says
 * `ready MILLISECONDS PORT` when it accepts connections, stops on SIGTERM, and exits with 70 on a fatal error. Its log
 * goes to standard error.
 * Runs on: a child process of a chaos test.
 */
import { type BrokerOptions, startBroker } from '../../src/broker/start-broker.js'

function fail(error: unknown): void {
  console.error(error instanceof Error ? `${error.message}\n${error.stack}` : error)
  process.exit(70)
}

const tell = (level: string) => (message: string) => console.error(`${level}: ${message}`)
const log = { debug: tell('debug'), info: tell('info'), warn: tell('warn'), error: tell('error') }

try {
  const options = JSON.parse(process.argv[2]!) as BrokerOptions
  const broker = await startBroker({ log, ...options, onFatal: fail })
  process.once('SIGTERM', () => {
    broker.close().then(() => process.exit(0), fail)
  })
  console.log(`ready ${Math.round(broker.facts.startDurationMs)} ${broker.port}`)
} catch (error) {
  fail(error)
}
