/**
 * Says in one sentence that this Node.js cannot run StreamBus. It imports nothing, and uses only syntax that old
 * versions can read: on an unsuitable version it is the only code of ours that runs.
 */

/** Keep equal to `engines.node` in package.json; test/tidy compares them. */
export const suitableVersions = '>=20.19 <21 || >=22.12'

/** @returns {boolean} whether a version such as `v22.12.0` is suitable */
export function isSuitable(version) {
  const parts = version.replace(/^v/, '').split('.')
  const major = Number(parts[0])
  const minor = Number(parts[1])
  if (major === 20) return minor >= 19
  if (major === 22) return minor >= 12
  return major > 22
}

/** Ends the process with exit code 1 when the running Node.js is unsuitable. */
export function refuseUnsuitableNode() {
  if (isSuitable(process.version)) return
  console.error(
    'StreamBus needs Node.js 20.19 or newer of 20, 22.12 or newer of 22, or a later version; this is ' +
      process.version +
      '.',
  )
  process.exit(1)
}
