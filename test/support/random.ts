/**
 * Seeded random numbers for tests, and the seed that a failing run prints.
 * Runs on: the test process and its workers. Touches: STREAMBUS_SEED (reads).
 */

/** sfc32: the same seed gives the same numbers on every machine. */
export class Random {
  readonly seed: number
  private a: number
  private b: number
  private c: number
  private counter = 1

  constructor(seed: number) {
    this.seed = seed
    this.a = seed >>> 0
    this.b = (seed ^ 0x9e3779b9) >>> 0
    this.c = 0x243f6a88
    for (let round = 0; round < 12; round++) this.word()
  }

  /** 32 random bits. */
  word(): number {
    const sum = (this.a + this.b + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** An integer from 0 to `end` - 1. */
  below(end: number): number {
    return Math.floor((this.word() / 2 ** 32) * end)
  }

  /** An integer from `first` to `last`, both included. */
  between(first: number, last: number): number {
    return first + this.below(last - first + 1)
  }

  chance(probability: number): boolean {
    return this.word() / 2 ** 32 < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  bytes(lengthBytes: number): Uint8Array {
    const bytes = new Uint8Array(lengthBytes)
    for (let index = 0; index < lengthBytes; index++) bytes[index] = this.word()
    return bytes
  }

  hex(digits: number): string {
    let text = ''
    while (text.length < digits) text += this.word().toString(16).padStart(8, '0')
    return text.slice(0, digits)
  }
}

/** The seed of this run: from STREAMBUS_SEED to replay one, otherwise by the clock. */
export function seedOfRun(): number {
  const given = process.env['STREAMBUS_SEED']
  return given === undefined ? Date.now() % 1_000_000_000 : Number(given)
}

/** Runs `body`; when it throws, the message says how to run the same again. */
export function withSeed<T>(seed: number, replay: string, body: (random: Random) => T): T {
  try {
    return body(new Random(seed))
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    throw new Error(`seed ${seed}: ${text}\n  replay: STREAMBUS_SEED=${seed} ${replay}`, { cause: error })
  }
}

/** The same for a body that takes its time. */
export async function withSeedAsync<T>(seed: number, replay: string, body: (random: Random) => Promise<T>): Promise<T> {
  try {
    return await body(new Random(seed))
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    throw new Error(`seed ${seed}: ${text}\n  replay: STREAMBUS_SEED=${seed} ${replay}`, { cause: error })
  }
}
