/**
 * `npm run demo`: makes the clone ready, then runs examples/demo in this very process, so that keys and signals reach
 * it.
 */
import { refuseUnsuitableNode } from '../bin/node-version.js'

refuseUnsuitableNode()
const { prepare } = await import('./prepare.mjs')
prepare(['dist', 'build'])
await import('../build/examples/demo/main.js')
