/**
 * Asks before something is destroyed, where somebody can answer.
 * Runs on: main. Touches: stdin, stderr.
 */
import { createInterface } from 'node:readline/promises'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'

/** Without a terminal there is nobody to ask: scripts mean what they say. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}

/** Throws USAGE unless the answer is yes. */
export async function confirm(question: string): Promise<void> {
  const asker = createInterface({ input: process.stdin, output: process.stderr })
  const abort = new AbortController()
  // Ctrl-C and Ctrl-D are no.
  asker.once('close', () => abort.abort())
  const answer = await asker.question(`${question} [y/N] `, { signal: abort.signal }).catch(() => '')
  asker.close()
  if (/^y(es)?$/i.test(answer.trim())) return
  throw new StreamBusError('USAGE', 'nothing was done', { remedy: 'Answer y, or give --yes.' })
}
