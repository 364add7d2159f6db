/**
 * What one measured run found: the one shape that every driver writes and every report, comparison and objective reads.
 * Runs on: main. Touches: nothing.
 */

/** Grows by new optional fields; a reader refuses a higher number. */
export const runResultVersion = 1

/** How the load was; kept with the result so that two results can be told apart. Times in seconds, sizes in bytes. */
export interface Load {
  readonly kind: 'produce' | 'consume' | 'e2e' | 'fanout' | 'replay'
  readonly topics: number
  /** Of each topic. */
  readonly partitions: number
  readonly connections: number
  readonly threads: number
  /** A size, or the distribution as it was given. */
  readonly recordBytes: number | string
  readonly keys?: number
  readonly batchBytes: number
  readonly lingerMs: number
  readonly compression: string
  /** Records a second over all connections; absent: flat out. */
  readonly rate?: number
  /** With a rate: records fall due together in steps of this many milliseconds. */
  readonly stepMs?: number
  readonly subscribers?: number
  /** A closed loop: the next record was sent when the one before was delivered. */
  readonly oneAtATime?: boolean
  /** Of `consume`: each record was looked at, not only batches. */
  readonly decode?: boolean
  readonly flush: string
}

/** Milliseconds, from when a record was due; `histogram` is HDR, compressed, base64, in microseconds. */
export interface LatencyResult {
  readonly count: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly p9999Ms: number
  readonly maxMs: number
  readonly histogram?: string
}

/** One second of the run, by the client's clock; broker figures as its metrics gave them. */
export interface TimelinePoint {
  readonly atSeconds: number
  readonly records: number
  readonly p50Ms?: number
  readonly p99Ms?: number
  readonly maxMs?: number
  readonly brokerCpuPercent?: number
  readonly clientCpuPercent?: number
  readonly brokerResidentMiB?: number
  readonly commitP99Ms?: number
  readonly journalUsedPercent?: number
  readonly gcPauseMs?: number
}

/** One thread of the broker over the run. */
export interface GcResult {
  readonly thread: string
  readonly pausesOver1Ms: number
  readonly longestPauseMs: number
  readonly pausedPercent: number
  readonly heapBytesPerRecord?: number
}

/** One part of the broker's way of a produce, by the requests that it timed; milliseconds. */
export interface StageResult {
  /** As in the broker's metric: receive, ring, gather, commit, reply, send, total. */
  readonly stage: string
  readonly count: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface RunResult {
  readonly version: typeof runResultVersion
  /** Of the row, such as `produce 100 B, 1 partition, flat out`. */
  readonly name: string
  /** Who was measured: `StreamBus`, `Kafka, synced` and so on. */
  readonly subject: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly load: Load
  readonly environment: {
    readonly node: string
    readonly release: string
    readonly frontEnd?: string
    readonly processor: string
    readonly cores: number
    readonly platform: string
  }
  readonly warmUpSeconds: number
  readonly seconds: number
  readonly records: {
    readonly sent: number
    readonly acknowledged: number
    readonly failed: number
    readonly delivered?: number
    /** Read back after the run, every acknowledged offset: absent when it was not verified. */
    readonly lost?: number
    readonly duplicated?: number
    readonly outOfOrder?: number
  }
  /** Of a record that failed. */
  readonly firstError?: string
  readonly recordsPerSecond: number
  readonly mebibytesPerSecond: number
  readonly latency: {
    readonly produce?: LatencyResult
    readonly endToEnd?: LatencyResult
    /** Until the last of the subscribers had it. */
    readonly fanOut?: LatencyResult
  }
  /** How late the load itself was; it is part of the latency. */
  readonly lateness?: LatencyResult
  readonly cpu: {
    readonly clientSecondsPerMillion: number
    readonly brokerSecondsPerMillion?: number
    readonly clientPercent: number
    readonly brokerPercent?: number
  }
  readonly broker: {
    readonly residentMiB?: number
    readonly largestResidentMiB?: number
    readonly gc?: readonly GcResult[]
    /** Of produce: in the order in which a request passes them. */
    readonly stages?: readonly StageResult[]
  }
  /** What has no field of its own, such as `readyMs` of a start; the unit is in the name. */
  readonly figures?: Readonly<Record<string, number>>
  readonly timeline: readonly TimelinePoint[]
  /** What held the figure back, told when it can be told. */
  readonly limitedBy?: 'broker' | 'client' | 'rate'
  /** Why the figure must not be used: the load was late beyond its bound, records were lost by the harness itself... */
  readonly void?: string
  /** A fixed loop of arithmetic before the run: how fast the machine was just then. */
  readonly calibrationMs: number
}
