/**
 * Frames in the rings between a front-end thread and a shard, and between a front-end thread and the read thread.
 * Runs on: front-end threads, shards, the read thread. Touches: constants only.
 * Little-endian. Offsets, positions and times are float64: exact up to 2^53, and published with the frame.
 *
 * Every request begins                         Every reply begins
 *  0            4              8                0            4              8
 *  +------------+--------------+- - -           +------------+--------------+- - -
 *  | request id | partition id |                | request id | error code   |
 *  +------------+--------------+- - -           +------------+--------------+- - -
 */

export const RequestType = {
  produce: 1,
  fetch: 2,
  cancelFetch: 3,
  releaseLease: 4,
  listOffsets: 5,
  deleteRecords: 6,
  describe: 7,
  coldRead: 8,
} as const

export const ReplyType = { produce: 1, fetch: 2, offsets: 3, describe: 4, coldRead: 5, fetchCold: 6 } as const

export const requestIdAt = 0
export const partitionIdAt = 4
export const errorCodeAt = 4

/**
 * Produce: acks i32 @8, the batch's length u32 @12, when it entered the ring f64 @16 (ms of the shared clock; 0: its
 * stages are not timed), the record batch @24.
 */
export const ProduceRequest = { acksAt: 8, lengthAt: 12, enteredMsAt: 16, batchAt: 24 } as const
/** Produce reply: base offset, log start offset, and of one that is timed, when its commit ended. */
export const ProduceReply = { baseOffsetAt: 8, logStartOffsetAt: 16, committedMsAt: 24, sizeBytes: 32 } as const

/** Fetch: maxBytes u32 @8, minBytes u32 @12, offset f64 @16, maxWaitMs u32 @24, flags u32 @28. */
export const FetchRequest = {
  maxBytesAt: 8,
  minBytesAt: 12,
  offsetAt: 16,
  maxWaitMsAt: 24,
  flagsAt: 28,
  sizeBytes: 32,
} as const

/**
 * Fetch reply from the journal's memory: ranges of whole batches there. Copy, then check that the floor has not
 * passed them (JournalReader); if it has, fetch again. No ranges: the wait ended, or an error.
 *
 *  0            4            8                16               24       28        32
 *  +------------+------------+----------------+----------------+--------+---------+-----------------------+- -
 *  | request id | error code | high watermark | log start      | count  | bytes   | position f64, length  |
 *  +------------+------------+----------------+----------------+--------+---------+-----------------------+- -
 *                                                                        of all    u32, ring u32: 16 each
 */
export const FetchReply = {
  highWatermarkAt: 8,
  logStartOffsetAt: 16,
  rangeCountAt: 24,
  totalBytesAt: 28,
  rangesAt: 32,
  rangeBytes: 16,
  rangeLengthAt: 8,
  rangeRingAt: 12,
} as const
/** Whose memory a range lies in: the index of the JournalReader. */
export const FetchRing = { journal: 0, volatile: 1 } as const
/** The most ranges in one reply; a batch is a range, neighbours in the journal are not merged. */
export const maxFetchRanges = 512
/** What a front end reserves of the reply ring for one fetch: ranges, or a path of up to 4 KiB. */
export const fetchReplyReserveBytes = FetchReply.rangesAt + maxFetchRanges * FetchReply.rangeBytes

/**
 * Fetch reply that points into a segment (ReplyType.fetchCold): send a coldRead with the fetch's offset and maxBytes
 * to the read thread, then releaseLease to the shard. leaseId u32 @24; the file is settled up to limit f64 @32;
 * path length u32 @40, path UTF-8 @44. The shard reads nothing: finding the batch is the read thread's work.
 */
export const FetchColdReply = {
  highWatermarkAt: 8,
  logStartOffsetAt: 16,
  leaseIdAt: 24,
  limitAt: 32,
  pathLengthAt: 40,
  pathAt: 44,
} as const

/** releaseLease: leaseId u32 @8. */
export const ReleaseLeaseRequest = { leaseIdAt: 8, sizeBytes: 16 } as const
/**
 * To the read thread: maxBytes u32 @8, path length u32 @12, limit f64 @16, offset f64 @24, high watermark f64 @32, path
 * UTF-8 @40. It answers with whole batches from the one that holds the offset on, below the high watermark: at least
 * one, whatever maxBytes says, as long as that is no more than a batch may have.
 */
export const ColdReadRequest = {
  maxBytesAt: 8,
  pathLengthAt: 12,
  limitAt: 16,
  offsetAt: 24,
  highWatermarkAt: 32,
  pathAt: 40,
} as const
/** From the read thread: request id, error code, then length u32 @8, the bytes @16. */
export const ColdReadReply = { lengthAt: 8, bytesAt: 16 } as const

/** listOffsets: timestampMs f64 @8 (-1 latest, -2 earliest, -3 max timestamp). */
export const ListOffsetsRequest = { timestampAt: 8, sizeBytes: 16 } as const
/** deleteRecords: beforeOffset f64 @8 (-1: high watermark). */
export const DeleteRecordsRequest = { beforeOffsetAt: 8, sizeBytes: 16 } as const
/** Reply to listOffsets (offset, timestamp) and deleteRecords (log start offset, -1). */
export const OffsetsReply = { offsetAt: 8, timestampAt: 16, sizeBytes: 24 } as const
/** Reply to describe. */
export const DescribeReply = {
  logStartOffsetAt: 8,
  highWatermarkAt: 16,
  sizeBytesAt: 24,
  segmentCountAt: 32,
  sizeBytes: 40,
} as const
