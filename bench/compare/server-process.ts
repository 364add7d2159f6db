/**
 * A server of the comparison: started and timed until its first answer, its CPU time and memory read, ended.
 * Runs on: main. Touches: a process, loopback.
 */
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { connect } from 'node:net'
import { cpuSecondsOf, end, isRunning, largestResidentMiBOf, pause, residentMiBOf, Said, start } from './processes.js'

const startLimitMs = 60_000
const askAgainMs = 2
const answerLimitMs = 5_000

/** How to ask a server whether it is ready: what is sent, and what the answer must hold. */
export interface Probe {
  readonly question: Uint8Array | string
  isReady(answer: Buffer): boolean
}

export class ServerProcess {
  /** Resolves when it has answered a question as one that is ready. */
  static async start(
    command: string,
    args: readonly string[],
    port: number,
    probe: Probe,
    options: SpawnOptions = {},
  ): Promise<ServerProcess> {
    const startedMs = performance.now()
    const child = start(command, args, options)
    const server = new ServerProcess(child, port)
    while (!(await answers(port, probe))) {
      if (!isRunning(child)) throw new Error(`${command} ended before it was ready: ${server.said.text}`)
      if (performance.now() - startedMs > startLimitMs) {
        await end(child)
        throw new Error(`${command} was not ready within ${startLimitMs / 1000} s: ${server.said.text}`)
      }
      await pause(askAgainMs)
    }
    server.readyMs = performance.now() - startedMs
    return server
  }

  readyMs = 0
  readonly said: Said
  private readonly child: ChildProcess
  readonly address: string

  private constructor(child: ChildProcess, port: number) {
    this.child = child
    this.said = new Said(child)
    this.address = `127.0.0.1:${port}`
  }

  get pid(): number {
    return this.child.pid!
  }

  get isRunning(): boolean {
    return isRunning(this.child)
  }

  cpuSeconds(): number {
    return cpuSecondsOf(this.pid)
  }

  residentMiB(): number {
    return residentMiBOf(this.pid)
  }

  largestResidentMiB(): number {
    return largestResidentMiBOf(this.pid)
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    return end(this.child, signal)
  }
}

/** Whether the server gives the wanted answer now. */
export function answers(port: number, probe: Probe, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    let answer = Buffer.alloc(0)
    const finish = (isReady: boolean) => {
      socket.destroy()
      resolve(isReady)
    }
    socket.setTimeout(answerLimitMs, () => finish(false))
    socket.once('connect', () => socket.write(probe.question))
    socket.once('error', () => finish(false))
    socket.once('close', () => finish(false))
    socket.on('data', (bytes) => {
      answer = Buffer.concat([answer, bytes])
      if (probe.isReady(answer)) finish(true)
    })
  })
}
