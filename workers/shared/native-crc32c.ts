/**
 * Installs the native CRC-32C where it can be loaded; the core's table serves where it cannot.
 * Runs on: every worker, and the main thread of a broker, once at its start. Touches: the core's CRC choice.
 */
import { createRequire } from 'node:module'
import { setNativeCrc32c } from '../../native-free-core/log/crc32c.js'

/** Returns whether the native one is in use from now on. */
export function installNativeCrc32c(): boolean {
  try {
    const require = createRequire(import.meta.url)
    const { crc32c } = require('@node-rs/crc32') as { crc32c: (input: Uint8Array, seed?: number) => number }
    // A build for another processor may load and still be wrong: the standard check value decides.
    if (crc32c(Buffer.from('123456789')) !== 0xe3069283) return false
    setNativeCrc32c(crc32c)
    return true
  } catch {
    return false
  }
}
