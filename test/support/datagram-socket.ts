/**
 * A datagram socket with a path, or a name in the abstract namespace, that a test reads: what systemd listens on.
 * Runs on: the test process. Touches: the socket, through koffi, as Node.js has none of the kind.
 */
import { createRequire } from 'node:module'
import { socketAddress } from '../../src/broker/notify-systemd.js'

interface Libc {
  func(signature: string): (...args: unknown[]) => number
}

const dontWait = 0x40

export class DatagramSocket {
  /** Datagrams in the order in which they came, taken off the socket by `drain`. */
  readonly received: string[] = []
  private readonly socket: number
  private readonly libc: Libc

  /** Undefined where koffi has no binary. */
  static open(path: string): DatagramSocket | undefined {
    try {
      const koffi = createRequire(import.meta.url)('koffi') as { load(name: string | null): Libc }
      return new DatagramSocket(koffi.load(null), path)
    } catch (error) {
      if ((error as { code?: string }).code === 'MODULE_NOT_FOUND') return undefined
      throw error
    }
  }

  private constructor(libc: Libc, path: string) {
    this.libc = libc
    this.socket = libc.func('int socket(int, int, int)')(1, 2, 0)
    const address = socketAddress(path)
    const bound = libc.func('int bind(int, const void*, uint32_t)')(this.socket, address, address.length)
    if (bound !== 0) throw new Error(`can't bind ${path}`)
  }

  drain(): readonly string[] {
    const receive = this.libc.func('long recv(int, _Out_ void*, size_t, int)')
    for (;;) {
      const bytes = Buffer.alloc(4096)
      const length = receive(this.socket, bytes, bytes.length, dontWait)
      if (length <= 0) return this.received
      this.received.push(bytes.toString('utf8', 0, length))
    }
  }

  /** Resolves when the condition holds for what has come so far. */
  async until(condition: (received: readonly string[]) => boolean): Promise<void> {
    while (!condition(this.drain())) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  close(): void {
    this.libc.func('int close(int)')(this.socket)
  }
}
