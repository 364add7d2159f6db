/**
 * What a terminal sends for keys, as names.
 * Runs on: main. Touches: nothing.
 */

const names: Readonly<Record<string, string>> = {
  '\x03': 'ctrl-c',
  '\x04': 'ctrl-d',
  '\x0c': 'ctrl-l',
  '\x1a': 'ctrl-z',
  '\x1b': 'escape',
  '\r': 'enter',
  '\n': 'enter',
  ' ': 'space',
  '\x1b[A': 'up',
  '\x1bOA': 'up',
  '\x1b[B': 'down',
  '\x1bOB': 'down',
  '\x1b[C': 'right',
  '\x1bOC': 'right',
  '\x1b[D': 'left',
  '\x1bOD': 'left',
  '\x1b[5~': 'page-up',
  '\x1b[6~': 'page-down',
}

const escape = '\x1b'
const onePress = new RegExp(`${escape}(?:\\[[0-9;?]*[ -/]*[@-~]|O[@-~])|[^]`, 'gu')

/** Names of the keys in what came at once; a letter is its own name, other sequences are left out. */
export function keysOf(text: string): string[] {
  return [...text.matchAll(onePress)].flatMap(([press]) => {
    const name = names[press] ?? (/^[!-~]$/.test(press) ? press : undefined)
    return name === undefined ? [] : [name]
  })
}
