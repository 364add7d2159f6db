/**
 * Tells systemd what state the broker is in: sd_notify's datagrams to the socket that NOTIFY_SOCKET names.
 * Runs on: main. Touches: that socket, through the optional package koffi; without it, the program systemd-notify.
 * Node.js has no datagram sockets with a path. Nothing is loaded where systemd did not start the broker.
 */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import type { Log } from './log-sink.js'

export type Notice = Readonly<Record<string, string | number>>

/** Hands one datagram over. Throws, or returns why not. */
type Send = (text: string) => string | undefined

const addressFamilyUnix = 1
const datagram = 2
const closeOnExec = 0o2000000
/** Main never waits for a socket whose reader is busy, and no signal ends it when there is none. */
const dontWaitNoSignal = 0x40 | 0x4000
const longestPathBytes = 107

interface Libc {
  func(signature: string): (...args: unknown[]) => number
}

interface Koffi {
  load(name: string | null): Libc
  errno(): number
}

/** `@name` is an address in the abstract namespace: a zero byte and the name, without one at its end. */
export function socketAddress(path: string): Uint8Array {
  const name = Buffer.from(path)
  if (name.length === 0 || name.length > longestPathBytes || !/^[@/]/.test(path)) {
    throw new Error(`NOTIFY_SOCKET is "${path}": neither an absolute path nor @name of at most 107 bytes`)
  }
  const isAbstract = path.startsWith('@')
  const address = Buffer.alloc(2 + name.length + (isAbstract ? 0 : 1))
  address.set([addressFamilyUnix, 0])
  if (new Uint8Array(new Uint16Array([addressFamilyUnix]).buffer)[0] !== addressFamilyUnix) address.swap16()
  address.set(name, 2)
  if (isAbstract) address[2] = 0
  return address
}

function nativeSend(path: string): Send {
  const address = socketAddress(path)
  const koffi = createRequire(import.meta.url)('koffi') as Koffi
  const libc = koffi.load(null)
  const socket = libc.func('int socket(int, int, int)')(addressFamilyUnix, datagram | closeOnExec, 0)
  if (socket < 0) throw new Error(`socket: errno ${koffi.errno()}`)
  const sendTo = libc.func('long sendto(int, const void*, size_t, int, const void*, uint32_t)')
  return (text) => {
    const bytes = Buffer.from(text)
    const sent = sendTo(socket, bytes, bytes.length, dontWaitNoSignal, address, address.length)
    return sent === bytes.length ? undefined : `errno ${koffi.errno()}`
  }
}

/** Rare, and in order: that it is waited for matters little. */
function programSend(path: string): Send {
  return (text) => {
    const env = { ...process.env, NOTIFY_SOCKET: path }
    const args = [`--pid=${process.pid}`, ...text.split('\n')]
    const { status, error } = spawnSync('systemd-notify', args, { env, stdio: 'ignore', timeout: 2000 })
    return status === 0 ? undefined : (error?.message ?? `systemd-notify ended with ${status}`)
  }
}

export class SystemdNotifier {
  private readonly path: string
  private readonly log: Log
  private send: Send | undefined
  private hasComplained = false

  /** Undefined where systemd did not ask to be told. */
  static from(environment: Readonly<Record<string, string | undefined>>, log: Log): SystemdNotifier | undefined {
    const path = environment['NOTIFY_SOCKET']
    return path === undefined || path === '' ? undefined : new SystemdNotifier(path, log)
  }

  private constructor(path: string, log: Log) {
    this.path = path
    this.log = log
  }

  /** `{ READY: 1, STATUS: 'text' }` in one datagram. What fails is logged once, and ends nothing. */
  tell(notice: Notice): void {
    const lines = Object.entries(notice).map(([name, value]) => `${name}=${String(value).replaceAll('\n', ' ')}`)
    try {
      this.send ??= this.open()
      const failure = this.send(lines.join('\n'))
      if (failure !== undefined) this.complain(failure)
    } catch (error) {
      this.complain(error instanceof Error ? error.message : String(error))
    }
  }

  private open(): Send {
    try {
      return nativeSend(this.path)
    } catch {
      return programSend(this.path)
    }
  }

  private complain(reason: string): void {
    if (this.hasComplained) return
    this.hasComplained = true
    this.log.warn(`systemd can't be told of the broker's state (NOTIFY_SOCKET ${this.path}): ${reason}`)
  }
}

/** The clock that RELOADING=1 has to be sent with. */
export function monotonicMicroseconds(): string {
  return String(process.hrtime.bigint() / 1000n)
}
