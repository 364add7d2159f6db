/**
 * Times the client's way of a record without the socket. After `npm run build:test`:
 * `node build/bench/micro/client.js`.
 * Runs on: a process of its own. Each figure is the median of many short runs, with the best beside it, by processor
 * time and by the clock; the loop of the first line says how fast the machine is at that moment.
 */
import benny from 'benny'
import { clientCases } from './client-cases.js'
import { calibration, type MicroCase, processorSeconds } from './micro-case.js'

const rounds = 25
const cases: readonly MicroCase[] = [calibration, ...(await clientCases())]

function line({ name, count }: MicroCase, medianSeconds: number, bestSeconds: number): void {
  const perSecond = (seconds: number) => (count / seconds / 1e6).toFixed(2).padStart(7)
  console.log(`${name.padEnd(50)} median ${perSecond(medianSeconds)} M/s, best ${perSecond(bestSeconds)}`)
}

console.log(`records of 100 bytes; Node.js ${process.version}\n\nby processor time, all threads:`)
for (const one of cases) {
  const seconds: number[] = []
  for (let round = 0; round < rounds; round++) seconds.push(await processorSeconds(one))
  seconds.sort((a, b) => a - b)
  line(one, seconds[rounds >> 1]!, seconds[0]!)
}
console.log('\nby the clock:')
await benny.suite(
  'client',
  ...cases.map((one) =>
    benny.add(one.name, async () => {
      await one.run()
    }),
  ),
  benny.complete(({ results }) => {
    for (const { name, details } of results) {
      const one = cases.find((candidate) => candidate.name === name)!
      line(one, details.median, details.min)
    }
  }),
)
