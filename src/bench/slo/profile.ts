/**
 * A profile: the loads that a broker is measured with, and what is to hold of each.
 * Runs on: main. Touches: nothing.
 */
import type { BrokerConfig } from '../../../native-free-core/config/broker-config.js'
import type { LoadOptions } from '../load-options.js'

export interface Profile {
  readonly name: string
  readonly description: string
  /** The file it came from. */
  readonly file: string
  /** What the calibration loop took where the bounds were set. */
  readonly calibrationMs?: number
  /** Of the broker that is started for the run. */
  readonly broker: Partial<BrokerConfig>
  readonly loads: readonly ProfileLoad[]
}

export interface ProfileLoad {
  readonly name: string
  /** Without name and seconds. */
  readonly options: LoadOptions
  readonly warmUpSeconds: number
  readonly seconds: number
  readonly repeat: number
  readonly bounds: readonly Bound[]
}

/** One objective as it was stated: a figure, and what it must not be beyond. */
export interface Bound {
  /** Of `figures`. */
  readonly figure: string
  readonly bound: number
}

/** What the command line changes of a profile. */
export interface ProfileChanges {
  readonly seconds?: number | undefined
  readonly warmUp?: number | undefined
  readonly repeat?: number | undefined
  /** Only loads whose name holds this text. */
  readonly only?: string | undefined
  /** Every bound is so many times as wide. */
  readonly loosen?: number | undefined
}
