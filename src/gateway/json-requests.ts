/**
 * What JSON requests may hold: a schema for each operation, checked before anything else is done.
 * Runs on: main. Touches: nothing. Schemas are compiled when they are first needed: most brokers see few of them.
 */
import fastestValidator, { type ValidationSchema } from 'fastest-validator'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'

// The package's types speak of a default export inside the default export; what it exports is the class.
const Validator = fastestValidator as unknown as typeof fastestValidator.default

export interface JsonRequest {
  readonly op: string
  readonly id?: string | number
  readonly [field: string]: unknown
}

const safe = Number.MAX_SAFE_INTEGER
const u32 = 0xffff_ffff
const integer = (min: number, max: number): object => ({ type: 'number', integer: true, min, max })
const optional = (rule: object): object => ({ ...rule, optional: true })
const text = { type: 'string', max: 60_000 }
const topic = { type: 'string', min: 1, max: 249 }
const partition = integer(0, 9999)
const readEncoding = optional({ type: 'enum', values: ['auto', 'json', 'text', 'base64'] })
const configs = optional({ type: 'record', key: 'string', value: 'string' })
const record = {
  key: optional({ type: 'string', nullable: true }),
  keyEncoding: optional({ type: 'enum', values: ['text', 'base64'] }),
  value: optional({ type: 'any', nullable: true }),
  encoding: optional({ type: 'enum', values: ['json', 'text', 'base64'] }),
  headers: optional({ type: 'record', key: 'string', value: { type: 'string', nullable: true } }),
  timestamp: optional(integer(0, safe)),
}

const schemas = {
  hello: { protocolVersion: optional(integer(0, 0xffff)), clientName: optional(text), token: optional(text) },
  authenticate: { token: text },
  ping: {},
  metadata: { topics: optional({ type: 'array', items: topic, max: 10_000 }) },
  createTopic: {
    topic,
    partitions: optional(integer(-safe, safe)),
    replicationFactor: optional(integer(-32_768, 32_767)),
    configs,
  },
  deleteTopic: { topic },
  describeTopic: { topic },
  alterTopicConfig: { topic, configs },
  deleteRecords: { topic, partition, beforeOffset: integer(-1, safe) },
  initProducerId: {},
  produce: {
    topic,
    partition: optional(partition),
    acks: optional({ type: 'enum', values: [0, 1, -1, 'all'] }),
    ...record,
    records: optional({ type: 'array', min: 1, max: 100_000, items: { type: 'object', strict: true, props: record } }),
  },
  fetch: {
    topic,
    partition,
    offset: integer(0, safe),
    maxBytes: optional(integer(1, u32)),
    minBytes: optional(integer(0, u32)),
    maxWaitMs: optional(integer(0, u32)),
    encoding: readEncoding,
  },
  listOffsets: {
    topic,
    partition,
    timestamp: { type: 'multi', rules: [integer(0, safe), { type: 'enum', values: ['latest', 'earliest', 'max'] }] },
  },
  subscribe: {
    subscription: optional(integer(0, u32)),
    topic,
    partition,
    from: optional({ type: 'multi', rules: [integer(0, safe), { type: 'enum', values: ['latest', 'earliest'] }] }),
    creditBytes: optional(integer(1, u32)),
    encoding: readEncoding,
  },
  unsubscribe: { subscription: integer(0, u32) },
  credit: { subscription: integer(0, u32), creditBytes: integer(1, u32) },
  clusterStatus: {},
  describeBrokerConfig: { keys: optional({ type: 'array', items: text, max: 1000 }) },
  alterBrokerConfig: { configs, reset: optional({ type: 'array', items: text, max: 1000 }) },
} as const

export type JsonOperation = keyof typeof schemas
export const jsonOperations = Object.keys(schemas) as JsonOperation[]

type Check = (
  value: unknown,
) => true | readonly { readonly field?: string; readonly message?: string; readonly actual?: unknown }[]
const checks = new Map<string, Check>()
let validator: InstanceType<typeof Validator> | undefined

/** The request in a text frame. Throws MALFORMED_FRAME when it is no JSON object. */
export function parseRequest(json: string): JsonRequest {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    const reason = error instanceof Error ? error.message : ''
    throw new StreamBusError('MALFORMED_FRAME', `the frame is not JSON: ${reason.slice(0, 200)}`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonRequest
  throw new StreamBusError('MALFORMED_FRAME', 'the frame is no JSON object; expected one such as {"id":1,"op":"ping"}')
}

/** Throws INVALID_REQUEST with the field, its value and what was expected. */
export function checkRequest(request: JsonRequest): asserts request is JsonRequest & { readonly op: JsonOperation } {
  const { op } = request
  if (typeof op !== 'string' || !Object.hasOwn(schemas, op)) {
    throw new StreamBusError('INVALID_REQUEST', `op is ${shown(op)}; expected one of ${jsonOperations.join(', ')}`)
  }
  // A copy: the check may change it. Not by spread, which V8 keeps until a full collection, and the record with it.
  const problems = checkFor(op as JsonOperation)(Object.assign({}, request))
  if (problems === true) return
  const { field, message, actual } = problems[0]!
  throw new StreamBusError(
    'INVALID_REQUEST',
    `${op}: ${field ?? 'a field'} is ${shown(actual)}: ${message ?? 'not allowed'}`,
  )
}

function checkFor(op: JsonOperation): Check {
  const known = checks.get(op)
  if (known !== undefined) return known
  validator ??= new Validator({ haltOnFirstError: true })
  const id = { type: 'multi', rules: [{ type: 'string', max: 200 }, integer(-safe, safe)], optional: true }
  const schema = { $$strict: true, op: 'string', id, ...schemas[op] } as unknown as ValidationSchema
  const check = validator.compile(schema) as Check
  checks.set(op, check)
  return check
}

function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 80)
}
