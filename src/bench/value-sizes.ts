/**
 * How large values are: one size, any size of a range, or sizes with weights.
 * Runs on: main and load threads. Touches: nothing.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { headBytes } from './value-pool.js'

interface Share {
  readonly minBytes: number
  readonly maxBytes: number
  readonly weight: number
}

const mostBytes = 16 * 1024 * 1024
const forms = '100, 50..200, or sizes with weights such as 100:0.9,1000:0.1'

export class ValueSizes {
  private readonly shares: readonly Share[]
  private readonly weight: number

  private constructor(shares: readonly Share[]) {
    this.shares = shares
    this.weight = shares.reduce((sum, share) => sum + share.weight, 0)
  }

  /** Throws USAGE. */
  static parse(given: number | string): ValueSizes {
    const shares = String(given)
      .split(',')
      .map((text) => shareOf(text.trim(), given))
    const sizes = new ValueSizes(shares)
    if (sizes.weight > 0) return sizes
    throw refused(given, 'its weights are all 0')
  }

  get meanBytes(): number {
    const sum = this.shares.reduce((so, { minBytes, maxBytes, weight }) => so + ((minBytes + maxBytes) / 2) * weight, 0)
    return sum / this.weight
  }

  get maxBytes(): number {
    return Math.max(...this.shares.map((share) => share.maxBytes))
  }

  /** `random`: from 0 to less than 1. */
  sizeFor(random: number): number {
    let at = random * this.weight
    const share = this.shares.find(({ weight }) => (at -= weight) < 0) ?? this.shares.at(-1)!
    const { minBytes, maxBytes, weight } = share
    return minBytes + Math.floor(((at + weight) / weight) * (maxBytes - minBytes + 1))
  }
}

function shareOf(text: string, given: number | string): Share {
  const parts = /^(\d+)(?:\.\.(\d+))?(?::(\d+(?:\.\d+)?))?$/.exec(text)
  if (parts === null) throw refused(given, `"${text}" is no size`)
  const minBytes = Number(parts[1])
  const maxBytes = Number(parts[2] ?? minBytes)
  if (minBytes < headBytes) throw refused(given, `a value holds its number and when it was due: ${headBytes} at least`)
  if (maxBytes > mostBytes) throw refused(given, `a value has at most ${mostBytes} bytes`)
  if (maxBytes < minBytes) throw refused(given, `${text} ends before it begins`)
  return { minBytes, maxBytes, weight: Number(parts[3] ?? 1) }
}

function refused(given: number | string, why: string): StreamBusError {
  return new StreamBusError('USAGE', `--record-bytes is ${given}: ${why}`, { remedy: `Expected ${forms}, in bytes.` })
}
