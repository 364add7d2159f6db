/**
 * Commands: every change of metadata, as JSON in the raft log.
 * Runs on: the metadata worker; main makes them. Touches: the bytes it is given.
 *
 * Two checks, so that brokers of different releases never disagree about a committed command:
 * - `checkCommand`, before it is proposed: all that the command alone can get wrong (names, ranges, configuration).
 *   Its rules may change from release to release.
 * - `parseCommand`, when it is applied: the shape only, by type and version. A change of shape is a new version; a
 *   command that is newer than this release stops the node rather than being skipped.
 */
import { isUuid, type Uuid } from '../bytes/uuid.js'
import type { ConfigRow } from '../config/config-row.js'
import { topicConfigRows, validateTopicConfig } from '../config/topic-config.js'
import { StreamBusError } from '../errors/streambus-error.js'
import { checkTopicName } from './topic-name.js'

export interface RegisterBroker {
  readonly type: 'registerBroker'
  readonly version: 1
  readonly brokerId: number
  readonly host: string
  readonly port: number
  readonly incarnation: string
}

export interface CreateTopic {
  readonly type: 'createTopic'
  readonly version: 1
  readonly name: string
  /** Made by the proposer: the state machine has no randomness. */
  readonly topicId: Uuid
  readonly partitions: number
  readonly replicationFactor: number
  readonly configs: Readonly<Record<string, string>>
}

export interface DeleteTopic {
  readonly type: 'deleteTopic'
  readonly version: 1
  /** Name or id; both must agree when both are given. */
  readonly name?: string
  readonly topicId?: Uuid
}

export interface AlterTopicConfig {
  readonly type: 'alterTopicConfig'
  readonly version: 1
  readonly name?: string
  readonly topicId?: Uuid
  /** An empty value goes back to the default; entries that are not named stay. */
  readonly configs: Readonly<Record<string, string>>
}

export interface AllocateProducerIds {
  readonly type: 'allocateProducerIds'
  readonly version: 1
  readonly brokerId: number
  readonly count: number
}

/**
 * Nothing on the disk of `brokerId` names a topic any more that images up to `imageVersion` have deleted: their ids
 * need not be remembered. Refused in a cluster of several brokers, where one can't speak for the others; that needs a
 * report of each, and a command that carries the least of them.
 */
export interface ForgetDeletedTopics {
  readonly type: 'forgetDeletedTopics'
  readonly version: 1
  readonly brokerId: number
  /** Of the newest image that is meant. */
  readonly imageVersion: number
}

export type MetadataCommand =
  | RegisterBroker
  | CreateTopic
  | DeleteTopic
  | AlterTopicConfig
  | AllocateProducerIds
  | ForgetDeletedTopics

export const maxPartitionsPerTopic = 10_000
export const maxProducerIdsPerBlock = 1_000_000
/** A quarter of the smallest metadata log holds it several times over. */
export const maxCommandBytes = 64 * 1024

type FieldType = 'count' | 'text' | 'uuid' | 'texts' | 'text?' | 'uuid?'

const target = { name: 'text?', topicId: 'uuid?' } as const

/** The shape of each command, version 1. */
const shapes: Readonly<Record<MetadataCommand['type'], Readonly<Record<string, FieldType>>>> = {
  registerBroker: { brokerId: 'count', host: 'text', port: 'count', incarnation: 'text' },
  createTopic: { name: 'text', topicId: 'uuid', partitions: 'count', replicationFactor: 'count', configs: 'texts' },
  deleteTopic: target,
  alterTopicConfig: { ...target, configs: 'texts' },
  allocateProducerIds: { brokerId: 'count', count: 'count' },
  forgetDeletedTopics: { brokerId: 'count', imageVersion: 'count' },
}

const shapeVersion = 1

/** The bytes of a checked command. Throws like checkCommand, and INVALID_REQUEST when it is too large. */
export function encodeCommand(command: MetadataCommand): Uint8Array<ArrayBuffer> {
  checkCommand(command)
  const bytes = new TextEncoder().encode(JSON.stringify(command))
  if (bytes.length > maxCommandBytes) {
    throw new StreamBusError('INVALID_REQUEST', `${command.type} has ${bytes.length} bytes; at most ${maxCommandBytes}`)
  }
  return bytes
}

/** Throws UNSUPPORTED_VERSION for a newer type or version, INVALID_REQUEST for a wrong shape. */
export function parseCommand(bytes: Uint8Array): MetadataCommand {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.slice()))
  } catch (cause) {
    throw new StreamBusError('INVALID_REQUEST', `a metadata command of ${bytes.length} bytes is not JSON`, { cause })
  }
  return checkShape(value)
}

function checkShape(value: unknown): MetadataCommand {
  const fields = isObject(value) ? value : {}
  const { type, version } = fields
  if (typeof type !== 'string' || typeof version !== 'number') {
    throw new StreamBusError('INVALID_REQUEST', 'a metadata command lacks its type or version')
  }
  if (!Object.hasOwn(shapes, type) || version !== shapeVersion) {
    throw new StreamBusError(
      'UNSUPPORTED_VERSION',
      `metadata command ${type} version ${version} is unknown to this release`,
      { remedy: 'Start the release that wrote the data folder, or a newer one.' },
    )
  }
  for (const [field, expected] of Object.entries(shapes[type as MetadataCommand['type']])) {
    if (!hasType(fields[field], expected)) throw wrongField(type, field, fields[field], expected)
  }
  return value as MetadataCommand
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function hasType(value: unknown, expected: FieldType): boolean {
  switch (expected) {
    case 'count':
      return Number.isSafeInteger(value)
    case 'text':
      return typeof value === 'string'
    case 'uuid':
      return typeof value === 'string' && isUuid(value)
    case 'texts':
      return isObject(value) && Object.values(value).every((text) => typeof text === 'string')
    case 'text?':
      return value === undefined || hasType(value, 'text')
    case 'uuid?':
      return value === undefined || hasType(value, 'uuid')
  }
}

const expectations: Readonly<Record<FieldType, string>> = {
  count: 'a whole number',
  text: 'a text',
  uuid: '32 hexadecimal digits',
  texts: 'texts by name',
  'text?': 'a text or nothing',
  'uuid?': '32 hexadecimal digits or nothing',
}

function wrongField(type: string, field: string, value: unknown, expected: FieldType): StreamBusError {
  const shown = value === undefined ? 'missing' : JSON.stringify(value).slice(0, 80)
  return new StreamBusError('INVALID_REQUEST', `${type}: ${field} is ${shown}; expected ${expectations[expected]}`)
}

/** All that a command alone can get wrong. Throws StreamBusError. */
export function checkCommand(command: MetadataCommand): void {
  checkShape(command)
  switch (command.type) {
    case 'registerBroker':
      return checkRegister(command)
    case 'createTopic':
      return checkCreate(command)
    case 'deleteTopic':
      return checkTarget(command)
    case 'alterTopicConfig':
      return checkAlter(command)
    case 'allocateProducerIds':
      return checkAllocate(command)
    case 'forgetDeletedTopics':
      return checkForget(command)
  }
}

function checkRegister(command: RegisterBroker): void {
  checkRange(command.type, 'brokerId', command.brokerId, 0, 65_535)
  checkRange(command.type, 'port', command.port, 0, 65_535)
  if (command.host === '') throw new StreamBusError('INVALID_REQUEST', 'registerBroker: host is empty')
}

function checkCreate(command: CreateTopic): void {
  checkTopicName(command.name)
  const { partitions, replicationFactor } = command
  if (partitions < 1 || partitions > maxPartitionsPerTopic) {
    throw new StreamBusError(
      'INVALID_PARTITIONS',
      `topic ${command.name}: ${partitions} partitions; expected 1 to ${maxPartitionsPerTopic}`,
    )
  }
  if (replicationFactor < 1 || replicationFactor > 32_767) {
    throw new StreamBusError(
      'INVALID_REPLICATION_FACTOR',
      `topic ${command.name}: replication factor ${replicationFactor}; expected 1 to the number of brokers`,
    )
  }
  validateTopicConfig(command.configs)
}

function checkTarget(command: DeleteTopic | AlterTopicConfig): void {
  if (command.name === undefined && command.topicId === undefined) {
    throw new StreamBusError('INVALID_REQUEST', `${command.type}: neither name nor topicId is given`)
  }
}

function checkAlter(command: AlterTopicConfig): void {
  checkTarget(command)
  const rows: Readonly<Record<string, ConfigRow | undefined>> = topicConfigRows
  // An entry that goes back to its default is checked as that default: its name must be known.
  const entries = Object.entries(command.configs).map(([name, text]) => [
    name,
    text === '' ? String(rows[name]?.defaultValue) : text,
  ])
  validateTopicConfig(Object.fromEntries(entries) as Record<string, string>)
}

function checkAllocate(command: AllocateProducerIds): void {
  checkRange(command.type, 'brokerId', command.brokerId, 0, 65_535)
  checkRange(command.type, 'count', command.count, 1, maxProducerIdsPerBlock)
}

function checkForget(command: ForgetDeletedTopics): void {
  checkRange(command.type, 'brokerId', command.brokerId, 0, 65_535)
  checkRange(command.type, 'imageVersion', command.imageVersion, 0, Number.MAX_SAFE_INTEGER)
}

function checkRange(type: string, field: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return
  throw new StreamBusError('INVALID_REQUEST', `${type}: ${field} is ${value}; expected ${min} to ${max}`)
}
