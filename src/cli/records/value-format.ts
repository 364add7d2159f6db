/**
 * How keys and values are printed: as they are, as JSON, in hex or base64.
 * Runs on: main. Touches: the bytes it is given.
 */
import { isUtf8 } from 'node:buffer'
import { jsonSafe, jsonText, visible } from '../safe-text.js'
import type { ByteSink } from './byte-sink.js'
import type { ValueFormat } from './formats.js'

/** Prints bytes[start, end). */
export type WriteValue = (sink: ByteSink, bytes: Uint8Array, start: number, end: number) => void

/** `isForTerminal`: what would steer a terminal is shown instead. */
export function valueWriter(format: ValueFormat, isForTerminal: boolean): WriteValue {
  switch (format) {
    case 'text':
      return isForTerminal
        ? (sink, bytes, start, end) => sink.text(visible(bufferOf(bytes, start, end).toString()))
        : (sink, bytes, start, end) => sink.append(bytes, start, end)
    case 'json':
      return (sink, bytes, start, end) => sink.text(asJson(bufferOf(bytes, start, end)))
    case 'hex':
    case 'base64':
      return (sink, bytes, start, end) => sink.text(bufferOf(bytes, start, end).toString(format))
  }
}

export function bufferOf(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
}

/** The text, if the bytes are one: then it stands for exactly these bytes. */
export function textOf(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString() : undefined
}

/** One line of JSON for any bytes: JSON as it is, other text as a JSON text, the rest as {"base64":"..."}. */
function asJson(bytes: Buffer): string {
  const text = textOf(bytes)
  if (text === undefined) return `{"base64":"${bytes.toString('base64')}"}`
  return embeddableJson(text) ?? jsonText(text)
}

/** JSON text with its digits as they are, on one line; undefined if it is none. */
export function embeddableJson(text: string): string | undefined {
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  // Raw line breaks stand only between tokens, where a space means the same.
  return jsonSafe(text.trim().replace(/[\r\n]+\s*/g, ' '))
}
