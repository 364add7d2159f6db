/**
 * `npm run demo`: flights go through a broker that is killed with SIGKILL every ten seconds and started again, while
 * the checksum of a reader is compared with the sender's at every record. Ends with 1 if they ever differ.
 *
 *   npm run demo -- [--seconds N] [--rate RECORDS_PER_SECOND] [--kill-every SECONDS] [--plain]
 */
import { parseArgs } from 'node:util'
import { coloursFor } from '../../src/cli/terminal/colours.js'
import { runLiveView } from '../../src/cli/terminal/live-view.js'
import { Terminal } from '../../src/cli/terminal/terminal.js'
import { BrokerProcess } from './broker-process.js'
import { DemoRun } from './demo-run.js'
import { DemoScreen, plainLine } from './demo-screen.js'

const framesPerSecond = 10
const plainIntervalMs = 5000
const longestSeconds = 24 * 3600

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: String(longestSeconds) },
    rate: { type: 'string', default: '2000' },
    'kill-every': { type: 'string', default: '10' },
    plain: { type: 'boolean', default: false },
  },
})

function numberOf(name: 'seconds' | 'rate' | 'kill-every', min: number, max: number): number {
  const value = Number(values[name])
  if (value >= min && value <= max) return value
  console.error(`demo: --${name} is ${values[name]}; expected a number from ${min} to ${max}`)
  process.exit(2)
}

const options = {
  seconds: numberOf('seconds', 1, longestSeconds),
  rate: numberOf('rate', 1, 20_000),
  killEverySeconds: numberOf('kill-every', 1, 3600),
}

async function runPlain(run: DemoRun): Promise<string | undefined> {
  const tell = (text: string): void => console.log(`${(run.elapsedMs / 1000).toFixed(1).padStart(6)} s  ${text}`)
  run.onEvent = tell
  const timer = setInterval(() => tell(plainLine(run)), plainIntervalMs)
  const onInterrupt = (): void => run.end()
  process.once('SIGINT', onInterrupt)
  process.once('SIGTERM', onInterrupt)
  try {
    return await run.run()
  } finally {
    clearInterval(timer)
    process.off('SIGINT', onInterrupt)
    process.off('SIGTERM', onInterrupt)
  }
}

/** The screen stays until everything that was sent is read. */
async function runLive(run: DemoRun): Promise<string | undefined> {
  const done = new AbortController()
  const running = run.run().finally(() => done.abort())
  running.catch(() => {})
  const end = runLiveView(new DemoScreen(run, coloursFor(process.stdout)), { framesPerSecond, signal: done.signal })
  await end
  run.end()
  return running
}

const run = new DemoRun(await BrokerProcess.create(), options)
try {
  const difference = await (values.plain || !Terminal.isThere() ? runPlain(run) : runLive(run))
  console.log(plainLine(run))
  console.log(difference === undefined ? 'nothing was lost, repeated or out of order' : `FAILED: ${difference}`)
  process.exitCode = difference === undefined ? 0 : 1
} finally {
  await run.close()
}
