/**
 * `npm run chaos:power`: as chaos:kill, with its options, and after each kill what no sync covered is undone in part,
 * as a power cut would. With --canary durable writes are not synced: the run must fail.
 * Runs on: a process of its own.
 */
import { hasFlag } from '../support/options.js'
import { runChaos } from './run-chaos.js'

await runChaos('chaos:power', { cutsPower: true, withoutSync: hasFlag('--canary') })
