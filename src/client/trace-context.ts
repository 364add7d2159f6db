/**
 * OpenTelemetry's context in the headers of records, when a program has set OpenTelemetry up.
 * Runs on: main thread of clients, browsers. Touches: OpenTelemetry's global registry (reads).
 *
 * All copies of @opentelemetry/api 1.x in a process share one object under a registered symbol; the context manager and
 * the propagator that a program has set are on it. They are used from there: nothing is imported, so that the package
 * need not be there, and a bundler need not know of it. Without them the API would do nothing, and neither does this.
 */
import type { ConsumedRecord } from './consumed-record.js'
import type { ProducerRecord } from './producer-options.js'
import { type HeaderPair, headerPairs } from './text-bytes.js'

/** OpenTelemetry's `Context`, for `context.with(...)`. */
export interface TraceContext {
  /** As OpenTelemetry's. */
  getValue(key: symbol): unknown
  /** As OpenTelemetry's. */
  setValue(key: symbol, value: unknown): TraceContext
  /** As OpenTelemetry's. */
  deleteValue(key: symbol): TraceContext
}

interface Setter {
  set(carrier: HeaderPair[], key: string, value: string): void
}

interface Getter {
  keys(carrier: ConsumedRecord): string[]
  get(carrier: ConsumedRecord, key: string): string | undefined
}

/** What the registry holds of a program that has set OpenTelemetry up. */
export interface Tracing {
  readonly context: { active(): TraceContext }
  readonly propagation: {
    inject(context: TraceContext, carrier: HeaderPair[], setter: Setter): void
    extract(context: TraceContext, carrier: ConsumedRecord, getter: Getter): TraceContext
  }
}

const registry = Symbol.for('opentelemetry.js.api.1')
const setter: Setter = { set: (carrier, key, value) => void carrier.push([key, value]) }
const getter: Getter = {
  keys: (record) => record.headers.map(({ key }) => key),
  get: (record, name) => {
    const found = record.header(name)
    return found === undefined ? undefined : asciiOf(found)
  },
}

/** Undefined: the program has no context manager or no propagator. */
export function findTracing(): Tracing | undefined {
  const api = (globalThis as { [registry]?: Partial<Tracing> })[registry]
  return api?.context === undefined || api.propagation === undefined ? undefined : (api as Tracing)
}

/** The record with the context that is active now in its headers; those that it has already stay as they are. */
export function withTraceHeaders<Record extends Pick<ProducerRecord, 'headers'>>(
  record: Record,
  { context, propagation }: Tracing,
): Record {
  const added: HeaderPair[] = []
  propagation.inject(context.active(), added, setter)
  if (added.length === 0) return record
  const given = headerPairs(record.headers)
  const names = new Set(given.map(([name]) => name.toLowerCase()))
  const missing = added.filter(([name]) => !names.has(name.toLowerCase()))
  return missing.length === 0 ? record : { ...record, headers: [...given, ...missing] }
}

/**
 * The context that the producer of a record was in, for `context.with(traceContextOf(record), work)`; undefined when
 * the program has not set OpenTelemetry up.
 */
export function traceContextOf(record: ConsumedRecord): TraceContext | undefined {
  const tracing = findTracing()
  return tracing?.propagation.extract(tracing.context.active(), record, getter)
}

/** Trace headers are ASCII by their standard. */
function asciiOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
