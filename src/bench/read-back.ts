/**
 * Reads back everything that a run wrote, from where each partition ended before to where it ends now.
 * Runs on: main. Touches: the client.
 */
import { type Client, type ConsumedBatch, StreamBusError } from '../client/index.js'
import type { Place, Sent } from './thread/thread-data.js'
import { ValueReader } from './value-pool.js'
import { type Verified, Verifier } from './verifier.js'

/** So long without a record: what is missing by then is lost. */
const stalledMs = 30_000
const lookMs = 1000

export interface ReadBack extends Verified {
  /** Offsets that retention had removed before they were read: they are neither lost nor verified. */
  readonly removed: number
}

/** `onRead` hears of records as they come. Rejects with the signal's reason. */
export async function readBack(
  client: Client,
  places: readonly Place[],
  sent: readonly Sent[],
  onRead: (recordCount: number) => void,
  signal?: AbortSignal,
): Promise<ReadBack> {
  const verifier = new Verifier(sent)
  let removed = 0
  let lastReadMs = performance.now()
  const stalled = new AbortController()
  const timer = setInterval(() => {
    if (performance.now() - lastReadMs > stalledMs) stalled.abort()
  }, lookMs)
  const ending = signal === undefined ? stalled.signal : AbortSignal.any([signal, stalled.signal])
  try {
    for (const topic of new Set(places.map((place) => place.topic))) {
      const first = places.findIndex((place) => place.topic === topic)
      const ours = places.filter((place) => place.topic === topic)
      const offsets = Object.fromEntries(ours.map(({ partition, startOffset }) => [partition, startOffset]))
      for (const { partition, offset } of await client.admin().listOffsets(topic, 'earliest')) {
        removed += Math.max(0, offset - (offsets[partition] ?? offset))
      }
      const from = { offsets }
      const whenOutOfRange = 'earliest'
      for await (const batch of client.consumer({ topic, from, untilEnd: true, whenOutOfRange, signal: ending })) {
        lastReadMs = performance.now()
        verifyBatch(verifier, first + batch.partition, batch)
        onRead(batch.recordCount)
      }
    }
  } catch (error) {
    // What could not be read any more has been lost.
    const isLoss = stalled.signal.aborted || (StreamBusError.is(error) && error.name === 'CORRUPT_MESSAGE')
    if (!isLoss || signal?.aborted) throw error
  } finally {
    clearInterval(timer)
  }
  const verified = verifier.result()
  return { ...verified, lost: Math.max(0, verified.lost - removed), removed }
}

const values = new ValueReader()

/** The client has checked the batch's CRC. */
function verifyBatch(verifier: Verifier, place: number, batch: ConsumedBatch): void {
  batch.forEach((record) => {
    if (!values.over(record.bytes, record.valueStart, record.valueEnd) || !values.isSealed) return
    verifier.found(place, record.offset, values.tag, values.number)
  })
}
