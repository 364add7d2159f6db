/**
 * Decides whether a produced batch may enter a partition, and reads from its header what appending needs.
 * Runs on: shard worker, once per batch. Touches: the request ring's bytes (reads).
 * Free functions on primitives and one reused result: nothing is allocated.
 */
import { readInt64 } from '../../native-free-core/bytes/int64.js'
import type { TopicConfig } from '../../native-free-core/config/topic-config.js'
import { errorTable } from '../../native-free-core/errors/error-table.js'
import {
  BatchLayout,
  batchError,
  type BatchProblem,
  batchSizeBytes,
  checkProducedBatch,
  validateBatch,
} from '../../native-free-core/log/record-batch.js'

/** Filled by `admitBatch` when it returns 0. */
export interface BatchFacts {
  recordCount: number
  /** -1: none. */
  producerId: number
  producerEpoch: number
  baseSequence: number
  maxTimestamp: number
}

/** 0, or the code of the error table row that says why not. */
export function admitBatch(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  lengthBytes: number,
  config: TopicConfig,
  nowMs: number,
  facts: BatchFacts,
): number {
  if (lengthBytes > config.maxMessageBytes) return errorTable.MESSAGE_TOO_LARGE.code
  const problem = validateBatch(bytes, view, at, lengthBytes)
  if (problem !== 'ok') return codeOf(problem)
  if (batchSizeBytes(view, at) !== lengthBytes) return errorTable.CORRUPT_MESSAGE.code
  const refused = checkProducedBatch(view, at)
  if (refused !== 'ok') return codeOf(refused)
  facts.recordCount = view.getInt32(at + BatchLayout.recordCountAt)
  facts.producerId = readInt64(view, at + BatchLayout.producerIdAt)
  facts.producerEpoch = view.getInt16(at + BatchLayout.producerEpochAt)
  facts.baseSequence = view.getInt32(at + BatchLayout.baseSequenceAt)
  facts.maxTimestamp = readInt64(view, at + BatchLayout.maxTimestampAt)
  return timeIsNear(readInt64(view, at + BatchLayout.baseTimestampAt), facts.maxTimestamp, config, nowMs)
    ? 0
    : errorTable.INVALID_TIMESTAMP.code
}

/** A time far in the future would keep its segment for ever; -1 means that the producer set none. */
function timeIsNear(baseTimestamp: number, maxTimestamp: number, config: TopicConfig, nowMs: number): boolean {
  if (maxTimestamp - nowMs > config.timestampAfterMaxMs) return false
  return baseTimestamp < 0 || nowMs - baseTimestamp <= config.timestampBeforeMaxMs
}

function codeOf(problem: BatchProblem): number {
  return batchError(problem, 'the batch').code
}
