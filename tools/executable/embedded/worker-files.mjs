/**
 * In the single executable: takes the place of src/broker/worker-files.ts. Only the last part of the name matters: the
 * workers are in the executable.
 * Runs on: main.
 */
export function findWorkers() {
  return '/embedded/workers'
}
