/**
 * In the single executable: as much of piscina as the scrubber uses. The real one starts its threads from files.
 * Runs on: main.
 */
const { basename } = require('node:path')
const { textAsset } = require('./assets.cjs')

const { Worker } = process.getBuiltinModule('node:worker_threads')

const runAndTell = `
const threads = require('node:worker_threads')
threads.parentPort.postMessage(module.exports.default(threads.workerData))
`

class Piscina {
  constructor({ filename }) {
    this.code = textAsset(`workers/${basename(filename)}`)
    this.workers = new Set()
  }

  /** One thread a job. */
  run(job) {
    return new Promise((resolve, reject) => {
      const worker = new Worker(this.code + runAndTell, { eval: true, workerData: job })
      this.workers.add(worker)
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', (code) => {
        this.workers.delete(worker)
        reject(new Error(`the job ended with code ${code}`))
      })
    })
  }

  async destroy() {
    await Promise.all([...this.workers].map((worker) => worker.terminate()))
  }
}

module.exports = { Piscina }
