/**
 * A connection that speaks streambus.json.v1, request by request.
 * Runs on: the test process. Touches: a socket.
 */
import { WebSocket } from 'ws'

export class JsonSocket {
  private readonly ws: WebSocket
  private readonly waiting = new Map<number, (answer: Record<string, unknown>) => void>()
  private nextId = 1

  private constructor(ws: WebSocket) {
    this.ws = ws
    ws.on('error', () => undefined)
    ws.on('message', (data: Buffer) => {
      const answer = JSON.parse(data.toString()) as Record<string, unknown>
      this.waiting.get(answer['id'] as number)?.(answer)
    })
  }

  static open(server: string): Promise<JsonSocket> {
    return new Promise((resolve, reject) => {
      const ws = new WebSocket(`ws://${server}`, 'streambus.json.v1')
      const socket = new JsonSocket(ws)
      ws.once('open', () => resolve(socket))
      ws.once('error', reject)
    })
  }

  ask(request: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    const id = this.nextId++
    const answered = new Promise<Record<string, unknown>>((resolve) => this.waiting.set(id, resolve))
    this.ws.send(JSON.stringify({ id, ...request }))
    return answered
  }

  close(): void {
    this.ws.terminate()
  }
}
