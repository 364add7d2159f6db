/**
 * The text of data/broker.meta: whose data folder this is, and in which format.
 * Runs on: main (reads) and the metadata worker (reads, writes). Touches: the text it is given.
 *
 *   streambus data folder
 *   format 1
 *   cluster 0123456789abcdef0123456789abcdef
 *   broker 0
 *   writer 0.1.0
 */
import { isUuid, type Uuid } from '../bytes/uuid.js'
import { StreamBusError } from '../errors/streambus-error.js'

export const brokerMetaName = 'broker.meta'
export const brokerLockName = 'broker.lock'
export const dataFormat = 1
const magicLine = 'streambus data folder'

export interface BrokerMeta {
  readonly format: number
  readonly clusterId: Uuid
  readonly brokerId: number
  /** The release that wrote here last. */
  readonly writer: string
}

export function formatBrokerMeta(meta: BrokerMeta): string {
  const { format, clusterId, brokerId, writer } = meta
  return `${magicLine}\nformat ${format}\ncluster ${clusterId}\nbroker ${brokerId}\nwriter ${writer}\n`
}

/** Throws DATA_FORMAT_TOO_NEW, or DATA_FOLDER_UNUSABLE for a text that is none. `path` is for messages. */
export function parseBrokerMeta(text: string, path: string): BrokerMeta {
  const lines = text.split('\n')
  const field = (name: string): string =>
    lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? ''
  const format = Number(field('format'))
  if (lines[0] !== magicLine || !Number.isInteger(format) || format < 1) throw unreadable(path, lines[0] ?? '')
  if (format > dataFormat) {
    throw new StreamBusError(
      'DATA_FORMAT_TOO_NEW',
      `${path}: the data folder has format ${format}, written by version ${field('writer')}; this version knows ` +
        `formats up to ${dataFormat}`,
      { remedy: `Start version ${field('writer')} or a newer one.` },
    )
  }
  const brokerId = Number(field('broker'))
  if (!isUuid(field('cluster')) || !/^\d+$/.test(field('broker'))) throw unreadable(path, text.slice(0, 80))
  return { format, clusterId: field('cluster'), brokerId, writer: field('writer') }
}

function unreadable(path: string, found: string): StreamBusError {
  return new StreamBusError('DATA_FOLDER_UNUSABLE', `${path} is not a description of a data folder: "${found}"`, {
    remedy: `Restore ${brokerMetaName} from a copy, or give the broker another dataFolder.`,
  })
}
