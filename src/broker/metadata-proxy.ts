/**
 * Main's end of the metadata worker: starts it, passes commands, keeps the newest image.
 * Runs on: main. Touches: the worker's port. Never: the disk.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { FromMetadata, MetadataSettings } from '../../native-free-core/metadata/metadata-control.js'
import type { MetadataCommand } from '../../native-free-core/metadata/metadata-command.js'
import { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import type { CommandValue } from '../../native-free-core/metadata/metadata-state.js'
import type { MetadataThread } from './metadata-thread.js'

export interface MetadataListeners {
  /** A newer image; `bytes` is for the other threads. Called before the commands that made it are answered. */
  readonly onImage?: (image: MetadataImage, bytes: SharedArrayBuffer) => void
  /** The worker can't go on: the broker takes no change of metadata any more. */
  readonly onFatal?: (error: StreamBusError) => void
  readonly onLog?: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void
}

export interface Proposed {
  readonly value: CommandValue
  /** The first image that shows the change, or a newer one. */
  readonly version: number
}

interface Pending {
  readonly resolve: (proposed: Proposed) => void
  readonly reject: (error: StreamBusError) => void
}

export class MetadataProxy {
  /** The newest image. */
  image: MetadataImage
  /** The newest image for other threads. */
  imageBytes: SharedArrayBuffer
  private readonly thread: MetadataThread
  private readonly listeners: MetadataListeners
  private readonly pending = new Map<number, Pending>()
  private readonly pings = new Map<number, () => void>()
  private nextToken = 1
  private failure: StreamBusError | undefined
  private stopping = false

  private constructor(thread: MetadataThread, bytes: SharedArrayBuffer, listeners: MetadataListeners) {
    this.thread = thread
    this.listeners = listeners
    this.imageBytes = bytes
    this.image = MetadataImage.parse(new Uint8Array(bytes))
  }

  /** Resolves when everything committed before is applied. Rejects with what kept the worker from starting. */
  static start(
    thread: MetadataThread,
    settings: MetadataSettings,
    listeners: MetadataListeners = {},
  ): Promise<MetadataProxy> {
    return new Promise((resolve, reject) => {
      let proxy: MetadataProxy | undefined
      const fail = (error: StreamBusError): void => {
        if (proxy === undefined) reject(error)
        else proxy.fail(error)
      }
      const onMessage = (message: FromMetadata): void => {
        if (message.kind === 'log') listeners.onLog?.(message.level, message.message)
        else if (message.kind === 'fatal') {
          fail(StreamBusError.fromCode(message.code, message.message, message.remedy))
        } else if (message.kind === 'ready') {
          proxy = new MetadataProxy(thread, message.image, listeners)
          resolve(proxy)
        } else proxy?.take(message)
      }
      thread.open(settings, { onMessage, onFailed: fail })
    })
  }

  /** Rejects with StreamBusError; NOT_CONTROLLER and REQUEST_TIMED_OUT are retriable. */
  propose(command: MetadataCommand): Promise<Proposed> {
    if (this.stopping) return Promise.reject(new StreamBusError('SHUTTING_DOWN', 'the broker is being stopped'))
    if (this.failure !== undefined) return Promise.reject(this.failure)
    const token = this.nextToken++
    return new Promise((resolve, reject) => {
      this.pending.set(token, { resolve, reject })
      this.thread.send({ kind: 'propose', token, command })
    })
  }

  /** Resolves when the worker's event loop answers; one that is stuck does not. */
  ping(): Promise<void> {
    const token = this.nextToken++
    return new Promise((resolve) => {
      this.pings.set(token, resolve)
      this.thread.send({ kind: 'ping', token })
    })
  }

  /** Everything that waits is answered, the log is closed, the thread has ended. */
  async stop(): Promise<void> {
    if (!this.stopping && this.failure === undefined) this.thread.send({ kind: 'stop' })
    this.stopping = true
    await this.thread.exited
  }

  /** Ends the thread at once, as a crash would; for tests and for a broker that gives up. */
  async terminate(): Promise<void> {
    this.stopping = true
    await this.thread.terminate()
  }

  private take(message: FromMetadata): void {
    if (message.kind === 'image') {
      this.imageBytes = message.image
      this.image = MetadataImage.parse(new Uint8Array(message.image))
      this.listeners.onImage?.(this.image, message.image)
    } else if (message.kind === 'pong') {
      this.pings.get(message.token)?.()
      this.pings.delete(message.token)
    } else if (message.kind === 'result') this.settle(message)
  }

  private settle(message: FromMetadata & { readonly kind: 'result' }): void {
    const pending = this.pending.get(message.token)
    this.pending.delete(message.token)
    if (message.ok) pending?.resolve({ value: message.value, version: message.version })
    else pending?.reject(StreamBusError.fromCode(message.code, message.message))
  }

  private fail(error: StreamBusError): void {
    const isFirst = this.failure === undefined
    this.failure ??= error
    for (const { reject } of this.pending.values()) reject(error)
    this.pending.clear()
    if (isFirst && !this.stopping) this.listeners.onFatal?.(error)
  }
}
