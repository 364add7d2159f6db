/**
 * The records of one `sendBatch`: which batches they went into, and how they ended.
 * Runs on: main thread of clients, browsers. Touches: the batches.
 */
import type { ProduceBatch } from '../../native-free-core/client/produce-batch.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { RecordMetadata } from './producer-options.js'

interface Place {
  readonly topic: string
  readonly partition: number
  readonly batch: ProduceBatch
  /** Of the record in the batch. */
  readonly index: number
}

export class SendGroup {
  private readonly places: (Place | StreamBusError)[] = []
  private readonly unfinished = new Set<ProduceBatch>()
  private onDone: (() => void) | undefined

  /** The record that was added to the batch last. True: `finished` must be called when the batch is done. */
  add(topic: string, partition: number, batch: ProduceBatch): boolean {
    this.places.push({ topic, partition, batch, index: batch.recordCount - 1 })
    batch.awaitedCount++
    if (this.unfinished.has(batch)) return false
    this.unfinished.add(batch)
    return true
  }

  /** A record that went into no batch. */
  addFailed(error: StreamBusError): void {
    this.places.push(error)
  }

  finished(batch: ProduceBatch): void {
    this.unfinished.delete(batch)
    if (this.unfinished.size === 0) this.onDone?.()
  }

  /** Call after the last `add`. */
  async whenDone(): Promise<RecordMetadata[]> {
    if (this.unfinished.size > 0) {
      await new Promise<void>((resolve) => {
        this.onDone = resolve
      })
    }
    const errors = this.places.map((place) =>
      StreamBusError.is(place) ? place : place.batch.pieceOf(place.index).error,
    )
    const firstIndex = errors.findIndex((error) => error !== undefined)
    if (firstIndex >= 0) throw this.failure(errors[firstIndex]!, firstIndex, errors)
    return (this.places as Place[]).map(({ topic, partition, batch, index }) => {
      return { topic, partition, offset: batch.offsetOf(index) }
    })
  }

  private failure(first: StreamBusError, index: number, errors: readonly unknown[]): StreamBusError {
    const failedCount = errors.filter((error) => error !== undefined).length
    const message = `${failedCount} of ${errors.length} records failed, first number ${index}: ${first.message}`
    return new StreamBusError(first.name, message, { cause: first, remedy: first.remedy })
  }
}
