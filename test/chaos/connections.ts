/**
 * `npm run chaos:connections`: idle connections by the thousand, storms, half-open ones, slow readers and a flood, with
 * a well-formed client beside them.
 * Runs on: a process of its own. Needs as many open files as there are connections (`ulimit -n`), and Linux.
 */
import { frontEnds } from '../support/gateway-fixture.js'
import { checkOptions, chosenOption, endWith, numberOption } from '../support/options.js'
import { runConnections } from './connections-run.js'
import { runFlood } from './flood-run.js'

checkOptions(`npm run chaos:connections -- [options]: connections that hurt, and a well-formed client beside them
  --idle N            connections that idle (10000)
  --storm N           that come at once (5000)
  --slow-readers N    that do not read what they asked for (20)
  --flood-seconds N   how long ten times what the broker can take is offered (10)
  --front-end NAME    on this one alone: ${frontEnds.join(', ')} (on each)`)

const say = (line: string): void => console.log(`  ${line}`)

await endWith(async () => {
  for (const frontEnd of chosenOption('--front-end', frontEnds)) {
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
