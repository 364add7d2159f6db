/**
 * One thing that is timed by itself, and how it is timed: by processor time, beside a loop that says how fast the
 * machine is at that moment.
 * Runs on: a process of its own.
 */

export interface MicroCase {
  readonly name: string
  /** How many of what it is about one run handles. */
  readonly count: number
  run(): unknown
}

const calibrationSteps = 5_000_000

export const calibration: MicroCase = {
  name: 'calibration: multiply and add',
  count: calibrationSteps,
  run: () => {
    let sum = 0
    for (let index = 0; index < calibrationSteps; index++) sum = (sum * 31 + index) | 0
    return sum
  },
}

/** Of one run, on all threads: what others do on the machine counts less in it than in the time of the clock. */
export async function processorSeconds({ run }: MicroCase): Promise<number> {
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}
