/**
 * Kafka's text file `partition.metadata`: which topic a folder belongs to, whatever its name says.
 * Runs on: shards, recovery, `log dump`. Touches: nothing.
 *
 *   version: 0
 *   topic_id: 3vKPV3mNTu6cFsIm2z1GJw
 */
import { type Uuid, uuidFromBase64, uuidToBase64 } from '../bytes/uuid.js'
import { StreamBusError } from '../errors/streambus-error.js'

export function formatPartitionMetadata(topicId: Uuid): string {
  return `version: 0\ntopic_id: ${uuidToBase64(topicId)}\n`
}

/** Throws CORRUPT_MESSAGE with the text when it is not of that form. */
export function parsePartitionMetadata(text: string): Uuid {
  const match = /^version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n?$/.exec(text)
  if (match === null) {
    throw new StreamBusError(
      'CORRUPT_MESSAGE',
      `partition.metadata holds "${text.slice(0, 80)}"; expected "version: 0" and "topic_id: " with 22 characters`,
    )
  }
  return uuidFromBase64(match[1]!)
}
