/**
 * `npm run chaos:power -- --rounds 20 [--most-seconds 300] [--partitions 64] [--life-ms 1200] [--seed N] [--canary]`: as
 * chaos:kill, and after each kill what no sync covered is undone in part, as a power cut would. With --canary durable
 * writes are not synced: the run must fail.
 * Runs on: a process of its own.
 */
import { runChaos } from './run-chaos.js'

await runChaos('chaos:power', { cutsPower: true, withoutSync: process.argv.includes('--canary') })
