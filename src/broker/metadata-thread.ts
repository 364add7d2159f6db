/**
 * The thread of the metadata worker: it loads what it needs, most of the time of a start, while main finds out what
 * it is for.
 * Runs on: main. Touches: the worker's port. Never: the disk.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { FromMetadata, MetadataSettings, ToMetadata } from '../../native-free-core/metadata/metadata-control.js'
import type { StartWorker, WorkerThread } from './surroundings.js'
import { workerExecArgv } from './worker-exec-argv.js'

export interface MetadataThreadListeners {
  onMessage(message: FromMetadata): void
  /** The thread has ended, or is about to. */
  onFailed(error: StreamBusError): void
}

/** Its objects are few and live long: a large young generation would only make the broker larger. */
const resourceLimits = { maxYoungGenerationSizeMb: 8 }

export class MetadataThread {
  /** Resolves when the thread has ended. */
  readonly exited: Promise<void>
  private readonly worker: WorkerThread
  private listeners: MetadataThreadListeners | undefined
  private failure: StreamBusError | undefined

  /** It touches no file but those of the program, and says nothing, before it is told to open a folder. */
  constructor(startWorker: StartWorker) {
    const worker = startWorker('metadata', { name: 'metadata', resourceLimits, ...workerExecArgv() })
    this.worker = worker
    this.exited = new Promise((resolve) => worker.once('exit', () => resolve()))
    worker.on('message', (message: FromMetadata) => this.listeners?.onMessage(message))
    worker.on('error', (error) => this.fail(StreamBusError.from(error)))
    worker.on('exit', () => this.fail(new StreamBusError('NOT_CONTROLLER', 'the metadata worker ended')))
  }

  /** Once. What failed before is told now. */
  open(settings: MetadataSettings, listeners: MetadataThreadListeners): void {
    this.listeners = listeners
    if (this.failure === undefined) this.send({ kind: 'open', settings })
    else listeners.onFailed(this.failure)
  }

  send(message: ToMetadata): void {
    this.worker.postMessage(message)
  }

  /** Ends the thread at once, as a crash would. */
  async terminate(): Promise<void> {
    await this.worker.terminate()
  }

  private fail(error: StreamBusError): void {
    this.failure ??= error
    this.listeners?.onFailed(error)
  }
}
