/**
 * Text of unknown origin for a terminal: characters that would steer it are shown instead of sent.
 * Runs on: main. Touches: nothing.
 *
 * A record may hold anything. Raw, an escape sequence could repaint the screen, set the title or type answers, and a
 * change of direction could show other words than are there.
 */

/** C0 and C1 controls, DEL, and the marks that change direction; line feed and tab only in `unsafeInLine`. */
const unsafe = /(?![\n\t])[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu
const unsafeInLine = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]/gu

/** Keeps line feeds and tabs, as values of several lines need them. */
export function visible(text: string): string {
  return text.replace(unsafe, escapeOf)
}

/** For one line, as in a table or a message. */
export function visibleInLine(text: string): string {
  return text.replace(unsafeInLine, escapeOf)
}

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escapeOf(character: string): string {
  const code = character.charCodeAt(0)
  const hex = code.toString(16)
  return named[character] ?? (code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`)
}

export function jsonText(value: unknown, indent?: number): string {
  return jsonSafe(JSON.stringify(value, undefined, indent))
}

/**
 * JSON text with what would steer a terminal as JSON escapes: it means the same. Such characters stand only inside of
 * texts there; line feeds and tabs are raw only between tokens.
 */
export function jsonSafe(json: string): string {
  return json.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
