/**
 * `npm run chaos:kill -- --rounds 20 [--most-seconds 300] [--partitions 64] [--life-ms 1200] [--seed N]`: kill -9 at
 * random instants, starts included, with 3, 1 and 2 shards. After --most-seconds no round is begun any more.
 * Runs on: a process of its own.
 */
import { runChaos } from './run-chaos.js'

await runChaos('chaos:kill', { cutsPower: false })
