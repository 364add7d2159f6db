/**
 * Starts and ends servers and runs tools for the comparison; CPU time and memory of a server from /proc.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, connect } from 'node:net'

const ticksPerSecond = 100
const startLimitMs = 60_000

export class ServerProcess {
  /** Resolves when `port` answers. */
  static async start(command, args, port, options = {}) {
    const started = performance.now()
    const server = new ServerProcess(spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options }))
    await server.answersAt(port)
    server.readyMs = performance.now() - started
    return server
  }

  constructor(child) {
    this.child = child
    this.said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (this.said += bytes))
    this.exited = new Promise((resolve) => child.once('exit', resolve))
  }

  async answersAt(port) {
    const endMs = performance.now() + startLimitMs
    while (!(await answers(port))) {
      if (this.child.exitCode !== null || performance.now() > endMs)
        throw new Error(`no server at ${port}: ${this.said}`)
    }
  }

  cpuSeconds() {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  }

  residentMiB() {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))[1]) / 1024
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM')
    await this.exited
  }
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => setTimeout(() => resolve(false), 5))
  })
}

/** Runs a tool to its end; resolves with what it printed, rejects with it when it failed. */
export function runTool(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    let out = ''
    let errors = ''
    child.stdout.on('data', (bytes) => (out += bytes))
    child.stderr.on('data', (bytes) => (errors += bytes))
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(out)
      else
        reject(new Error(`${command} ${args.join(' ')} ended with ${code}: ${out.slice(-500)}${errors.slice(-1500)}`))
    })
  })
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
