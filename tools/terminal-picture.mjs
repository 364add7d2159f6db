/**
 * Draws docs/images/NAME.svg from docs/images/NAME.txt: a terminal with that text, for the README. `--check` writes
 * nothing and fails if a picture differs from its text. Text so that a test can compare it with what is really printed.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs/images')

const columnPx = 8.4
const linePx = 19
const paddingPx = 22
const barPx = 36
const font = "14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
const colours = {
  back: '#10141c',
  bar: '#1b2230',
  text: '#c9d3e3',
  dim: '#7f8da5',
  prompt: '#5fd38d',
  strong: '#ffffff',
}

const buttons = ['#ff5f57', '#febc2e', '#28c840']
  .map((fill, index) => `<circle cx="${22 + index * 20}" cy="18" r="6" fill="${fill}"/>`)
  .join('')

/** @returns {string} the picture of the lines */
export function drawTerminal(text) {
  const lines = text.trimEnd().split('\n')
  const columns = Math.max(60, ...lines.map((line) => line.length))
  const width = Math.round(columns * columnPx + 2 * paddingPx)
  const height = barPx + lines.length * linePx + 2 * paddingPx
  const rows = lines
    .map((line, index) => rowOf(line, barPx + paddingPx + index * linePx + 12))
    .filter((row) => row !== '')
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<rect width="${width}" height="${height}" rx="10" fill="${colours.back}"/>
<path d="M0 ${barPx}V10A10 10 0 0 1 10 0H${width - 10}A10 10 0 0 1 ${width} 10V${barPx}Z" fill="${colours.bar}"/>
${buttons}
<g style="font:${font};white-space:pre" fill="${colours.text}">
${rows.join('\n')}
</g>
</svg>
`
}

/** Commands stand out, labels of the start screen stand back. */
function rowOf(line, y) {
  const at = (spans) => `<text x="${paddingPx}" y="${y}">${spans}</text>`
  if (line.trim() === '') return ''
  const command = /^\$ (.*)$/.exec(line)
  if (command !== null) return at(`${span('$ ', colours.prompt)}${span(command[1], colours.strong)}`)
  const fact = /^( {2}[\w ]+? {2,})(\S.*)$/.exec(line)
  if (fact !== null) return at(`${span(fact[1], colours.dim)}${span(fact[2], colours.text)}`)
  if (/ is ready\.$/.test(line)) return at(span(line, colours.prompt))
  return at(span(line, colours.text))
}

function span(text, fill) {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll(' ', '\u00a0')
  return `<tspan fill="${fill}">${escaped}</tspan>`
}

for (const name of readdirSync(folder).filter((file) => file.endsWith('.txt'))) {
  const picture = join(folder, name.replace(/\.txt$/, '.svg'))
  const wanted = drawTerminal(readFileSync(join(folder, name), 'utf8'))
  if (!process.argv.includes('--check')) writeFileSync(picture, wanted)
  else if (readFileSync(picture, 'utf8') !== wanted) {
    console.error(`${picture} differs from ${name}: run node tools/terminal-picture.mjs`)
    process.exitCode = 1
  }
}
