/**
 * In the single executable: `node:worker_threads`, whose workers are started from what was put in.
 * Runs on: every thread of the executable.
 */
const { basename } = require('node:path')
const { textAsset } = require('./assets.cjs')

const real = process.getBuiltinModule('node:worker_threads')

class Worker extends real.Worker {
  /** `file` ends with the name of a worker. */
  constructor(file, options) {
    super(textAsset(`workers/${basename(String(file))}`), { ...options, eval: true })
  }
}

module.exports = { ...real, Worker }
