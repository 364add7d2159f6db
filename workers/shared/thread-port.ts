/**
 * What a worker's work needs of its thread's port, so that a test can drive it without a thread.
 * Runs on: every worker without an event loop. Touches: its port.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'

export interface ThreadPort<In, Out> {
  /** The next message, if there is one. Look after parking the doorbell: whoever posts rings it after that. */
  receive(): In | undefined
  say(message: Out): void
}

/** Reads the port without an event loop. */
export function threadPortOf<In, Out>(port: MessagePort): ThreadPort<In, Out> {
  return {
    receive: () => (receiveMessageOnPort(port) as { message: In } | undefined)?.message,
    say: (message) => port.postMessage(message),
  }
}

/** What a step of a worker returns instead of how long it may sleep: nothing is left to do, ever. */
export const ended = -1
