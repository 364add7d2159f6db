/**
 * Frames between a shard and the sync thread.
 * Runs on: shards, the sync thread. Touches: constants only. Little-endian.
 *
 * Request                                              Reply
 *  0          4           8          12                0          4             8          12
 *  +----------+-----------+----------+- - - - - -+     +----------+-------------+----------+
 *  | token    | file u32  | length   | path      |     | token    | error code  | errno    |
 *  | u32      |           | of path  | UTF-8     |     | u32      | i32: 0 good | u32      |
 *  +----------+-----------+----------+- - - - - -+     +----------+-------------+----------+
 *
 * file: fdatasync of the file at path; one that is gone needs none. folder: fsync of the folder at path. publish:
 * fdatasync of path + ".new", rename to path, fsync of its folder. fill: zeros into the ring part
 * [start f64 @16, end f64 @24) of the journal behind the descriptor `file` of this process, then fdatasync; no path.
 * errno: the system's number of what failed; 0 where it was not the system.
 */

export const SyncType = { file: 1, folder: 2, publish: 3, fill: 4 } as const
export const SyncRequest = {
  tokenAt: 0,
  fileAt: 4,
  pathLengthAt: 8,
  pathAt: 12,
  startAt: 16,
  endAt: 24,
  fillBytes: 32,
} as const
export const SyncReply = { tokenAt: 0, errorAt: 4, errnoAt: 8, sizeBytes: 12 } as const
export const syncRingBytes = 1 << 20
