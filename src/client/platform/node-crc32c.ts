/**
 * Installs the native CRC-32C in the client's thread where it can be loaded; the core's table serves where it cannot.
 * Runs on: main thread of clients, once. Touches: the core's CRC choice.
 */
import { createRequire } from 'node:module'
import { setNativeCrc32c } from '../../../native-free-core/log/crc32c.js'

/** The standard check value of CRC-32C: a build for another processor may load and still be wrong. */
const checkInput = Buffer.from('123456789')
const checkValue = 0xe3069283

let isTried = false

export function installNativeCrc32c(): void {
  if (isTried) return
  isTried = true
  try {
    const require = createRequire(import.meta.url)
    const { crc32c } = require('@node-rs/crc32') as { crc32c: (input: Uint8Array, seed?: number) => number }
    if (crc32c(checkInput) === checkValue) setNativeCrc32c(crc32c)
  } catch {
    // The optional package is not there: nothing is lost but speed.
  }
}
