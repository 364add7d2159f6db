/**
 * `npm run chaos:kill`: kill -9 at random instants, starts included, with 3, 1 and 2 shards.
 * Runs on: a process of its own.
 */
import { runChaos } from './run-chaos.js'

await runChaos('chaos:kill', { cutsPower: false })
