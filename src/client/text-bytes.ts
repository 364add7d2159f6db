/**
 * Keys, values and headers as callers write them, made bytes.
 * Runs on: main thread of clients. Touches: nothing.
 */
import { type HeaderBytes, noHeaders } from '../../native-free-core/log/record-batch-builder.js'

/** Text is sent as UTF-8. */
export type BytesLike = string | Uint8Array

export type Headers = Readonly<Record<string, BytesLike | null>>

export function bytesOrNull(value: BytesLike | null | undefined): Uint8Array | null {
  if (value === null || value === undefined) return null
  return typeof value === 'string' ? Buffer.from(value) : value
}

export function headersToBytes(headers: Headers | undefined): readonly HeaderBytes[] {
  if (headers === undefined) return noHeaders
  return Object.entries(headers).map(([key, value]) => ({ key: Buffer.from(key), value: bytesOrNull(value) }))
}
