/**
 * `npm run bench:slo`: makes the clone ready, then measures a broker of its own with bench/profiles/short.yaml. Options
 * are those of `streambus bench slo`; another --profile prevails.
 */
import { join } from 'node:path'
import { refuseUnsuitableNode } from '../bin/node-version.js'
import { prepare, root } from './prepare.mjs'

refuseUnsuitableNode()
prepare(['dist'])
const { main } = await import('../dist/cli.js')
const given = process.argv.slice(2)
const profile = given.some((text) => /^--profile(=|$)/.test(text))
  ? []
  : ['--profile', join(root, 'bench/profiles/short.yaml')]
const broker = given.some((text) => /^--server(=|$)/.test(text)) ? [] : ['--own-broker']
// The broker is started by the same program as the command.
process.argv[1] = join(root, 'bin/streambus.js')
await main(['bench', 'slo', ...profile, ...broker, ...given])
