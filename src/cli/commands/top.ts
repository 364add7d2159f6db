/**
 * `top`: what a broker does, live on a terminal, as one table, or as JSON.
 * Runs on: main. Touches: the client, the terminal, stdout.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { connect } from '../../client/index.js'
import type { Invocation } from '../environment.js'
import { onInterrupt, printLine } from '../output.js'
import { connectOptionsOf } from '../target.js'
import { coloursFor, drawsBlocks } from '../terminal/colours.js'
import { endBySignal, runLiveView } from '../terminal/live-view.js'
import { Terminal } from '../terminal/terminal.js'
import { Poller, type TopView } from '../top/poller.js'
import { topDocument } from '../top/top-json.js'
import { TopScreen, wholeTable } from '../top/top-screen.js'
import { withClient } from '../with-client.js'

export interface TopOptions {
  /** Seconds between two looks at the broker. */
  readonly interval?: number
  readonly once?: boolean
  /** With --json: end after so many lines. */
  readonly count?: number
}

const framesPerSecond = 10
const usualIntervalSeconds = 1
const fastestIntervalSeconds = 0.1
const usualColumns = 80

export async function top(invocation: Invocation, options: TopOptions): Promise<void> {
  if (options.interval !== undefined && options.interval < fastestIntervalSeconds) {
    throw new StreamBusError('USAGE', `--interval is ${options.interval}; expected at least ${fastestIntervalSeconds}`)
  }
  if (options.count !== undefined && !invocation.isJson) {
    throw new StreamBusError('USAGE', '--count is for --json', { remedy: 'Give --json, or --once for one table.' })
  }
  if (invocation.isJson) await printDocuments(invocation, options)
  else if (options.once === true || !Terminal.isThere()) await printTable(invocation)
  else await showLive(invocation, (options.interval ?? usualIntervalSeconds) * 1000)
}

async function showLive(invocation: Invocation, intervalMs: number): Promise<void> {
  let onTrouble: (error: StreamBusError) => void = () => {}
  const client = await connect({
    ...connectOptionsOf(invocation.target()),
    clientName: invocation.environment.name,
    onStateChange: (state, error) => {
      if (state === 'lost') onTrouble(lostError(error))
    },
  })
  const screen = new TopScreen({
    server: client.server,
    colours: coloursFor(process.stdout),
    withBlocks: drawsBlocks(),
  })
  onTrouble = (error) => screen.showTrouble(error)
  const ending = new AbortController()
  const polling = new Poller(client).run(intervalMs, ending.signal, (view) => screen.show(view), onTrouble)
  const failed = polling.finally(() => ending.abort())
  try {
    const end = await runLiveView(screen, { framesPerSecond, signal: ending.signal })
    ending.abort()
    await failed
    if (end !== 'key') endBySignal(end)
  } finally {
    await client.close()
  }
}

function lostError(error: StreamBusError | undefined): StreamBusError {
  const why = error === undefined ? '' : ` (${error.message})`
  return new StreamBusError('NETWORK_EXCEPTION', `connection lost, connecting again ...${why}`)
}

/** Rates want two answers; a second apart they are right to a tenth. */
async function lookTwice(poller: Poller): Promise<TopView> {
  await poller.poll()
  await delay(usualIntervalSeconds * 1000)
  return poller.poll()
}

async function printTable(invocation: Invocation): Promise<void> {
  await withClient(invocation, async (client) => {
    const view = await lookTwice(new Poller(client))
    const look = {
      columns: process.stdout.columns ?? usualColumns,
      colours: coloursFor(process.stdout),
      withBlocks: drawsBlocks(),
    }
    for (const line of wholeTable(view, client.server, look)) printLine(line)
  })
}

async function printDocuments(invocation: Invocation, { interval, once, count }: TopOptions): Promise<void> {
  const ending = new AbortController()
  const stopListening = onInterrupt(() => ending.abort())
  let left = once === true ? 1 : (count ?? Number.POSITIVE_INFINITY)
  try {
    await withClient(invocation, async (client) => {
      const poller = new Poller(client)
      const print = (view: TopView) => {
        if (!poller.hasRates || left <= 0) return
        printLine(JSON.stringify(topDocument(view, client.server, Date.now())))
        if (--left <= 0) ending.abort()
      }
      await poller.run((interval ?? usualIntervalSeconds) * 1000, ending.signal, print, () => {})
    })
  } finally {
    stopListening()
  }
}
