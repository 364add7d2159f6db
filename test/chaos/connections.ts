/**
 * `npm run chaos:connections -- [--idle 10000] [--storm 5000] [--flood-seconds 10] [--front-end uws|ws]`: idle
 * connections by the thousand, storms, half-open ones, slow readers and a flood, with a well-formed client beside them.
 * Runs on: a process of its own. Needs as many open files as there are connections (`ulimit -n`), and Linux.
 */
import { frontEnds } from '../support/gateway-fixture.js'
import { endWith, numberOption } from '../support/options.js'
import { runConnections } from './connections-run.js'
import { runFlood } from './flood-run.js'

const say = (line: string): void => console.log(`  ${line}`)

await endWith(async () => {
  const at = process.argv.indexOf('--front-end')
  const chosen = at < 0 ? frontEnds : frontEnds.filter((name) => name === process.argv[at + 1])
  for (const frontEnd of chosen) {
    console.log(`chaos:connections on ${frontEnd}`)
    const startMs = performance.now()
    await runConnections({
      idle: numberOption('--idle', 10_000),
      storm: numberOption('--storm', 5000),
      slowReaders: numberOption('--slow-readers', 20),
      frontEnd,
      say,
    })
    await runFlood({ seconds: numberOption('--flood-seconds', 10), frontEnd, say })
    console.log(`chaos:connections: passed on ${frontEnd} in ${((performance.now() - startMs) / 1000).toFixed(1)} s`)
  }
})
