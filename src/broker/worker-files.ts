/**
 * Where the built worker files are. The single executable puts a file of its own in this one's place.
 * Runs on: main. Touches: the file system (looks for one file).
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'

/** Beside the bundle (dist/workers), or from the unbundled build in dist beside it. */
export function findWorkers(): string {
  for (const candidate of ['./workers', '../workers', '../../../dist/workers']) {
    const folder = fileURLToPath(new URL(candidate, import.meta.url))
    if (existsSync(`${folder}/shard.js`)) return folder
  }
  throw new StreamBusError('UNSUITABLE_RUNTIME', `the built worker files are not beside ${import.meta.url}`, {
    remedy: 'Run `npm run build`.',
  })
}
