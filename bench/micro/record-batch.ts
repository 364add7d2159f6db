/**
 * Times what is done to record batches. After `npm run build:test`: `node build/bench/micro/record-batch.js`.
 * Runs on: a process of its own; measure on a quiet machine.
 */
import benny from 'benny'
import { aboutBatches, batchCases } from './record-batch-cases.js'

console.log(aboutBatches)

await benny.suite(
  'record batch',
  ...batchCases.map(({ name, count, run }) =>
    benny.add(count === 1 ? name : `${name}, ${count} times`, () => void run()),
  ),
  benny.cycle(),
  benny.complete(),
)
