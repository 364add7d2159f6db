/**
 * Prints batches of records: which of them, in which form, how many; keeps count and place.
 * Runs on: main. Touches: its buffer.
 */
import type { RecordReader } from '../../../native-free-core/log/record-batch.js'
import type { ConsumedBatch } from '../../client/index.js'
import { ByteSink } from './byte-sink.js'
import type { RecordFilter } from './record-filter.js'
import type { WriteRecord } from './record-template.js'

export interface PrinterOptions {
  readonly write: WriteRecord
  readonly filter: RecordFilter | undefined
  readonly maxCount: number
}

export class RecordPrinter {
  readCount = 0
  printedCount = 0
  /** Of the keys and values that were printed. */
  printedBytes = 0
  /** By partition: the offset after the last record that was looked at. */
  readonly positions = new Map<number, number>()
  private readonly options: PrinterOptions
  private readonly sink = new ByteSink()

  constructor(options: PrinterOptions) {
    this.options = options
  }

  get isDone(): boolean {
    return this.printedCount >= this.options.maxCount
  }

  /** The text of a batch; a view that is valid until the next call. Throws as `ConsumedBatch.forEach` does. */
  print(batch: ConsumedBatch): Uint8Array {
    this.sink.reset()
    const { topic, partition } = batch
    batch.forEach((record) => {
      if (this.isDone) return
      this.look(record, topic, partition)
      this.positions.set(partition, record.offset + 1)
    })
    // Offsets at the end of a batch may belong to no record.
    if (!this.isDone) this.positions.set(partition, batch.lastOffset + 1)
    return this.sink.view()
  }

  private look(record: RecordReader, topic: string, partition: number): void {
    this.readCount++
    const { write, filter } = this.options
    if (filter !== undefined && !filter(record)) return
    write(this.sink, topic, partition, record)
    this.printedCount++
    const { keyStart, keyEnd, valueStart, valueEnd } = record
    this.printedBytes += (keyStart < 0 ? 0 : keyEnd - keyStart) + (valueStart < 0 ? 0 : valueEnd - valueStart)
  }
}
