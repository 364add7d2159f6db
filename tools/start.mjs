/**
 * `npm start`: makes the clone ready, then runs the broker in this very process, so that signals reach it and its
 * memory is its own. Arguments are passed on: `npm start -- --config other.yaml`.
 */
import { refuseUnsuitableNode } from '../bin/node-version.js'

refuseUnsuitableNode()
start(process.argv.slice(2))

async function start(args) {
  const { prepare, root } = await import('./prepare.mjs')
  process.chdir(root)
  prepare(['dist'])
  const { main } = await import('../dist/cli.js')
  const hasConfig = args.some((arg) => arg === '--config' || arg.startsWith('--config='))
  await main(['broker', ...(hasConfig ? [] : ['--config', 'config/broker.yaml']), ...args])
}
