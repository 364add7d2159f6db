/**
 * Bars and sparklines of block characters, or of plain ones.
 * Runs on: main. Touches: nothing.
 */

const sparks = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
const plainSparks = ['_', '.', '-', '=', '+', '*', '%', '#']
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/**
 * The last `columns` values, newest to the right, each as a height between 0 and the largest of them; spaces where
 * there are none yet. A value above 0 is never drawn as 0.
 */
export function sparkline(values: readonly number[], columns: number, withBlocks = true): string {
  const levels = withBlocks ? sparks : plainSparks
  const shown = values.slice(Math.max(0, values.length - columns))
  const top = Math.max(0, ...shown)
  const text = shown.map((value) => levels[levelOf(value, top, levels.length)]).join('')
  return text.padStart(columns)
}

function levelOf(value: number, top: number, levels: number): number {
  if (!(value > 0) || top <= 0) return 0
  return Math.min(levels - 1, Math.max(1, Math.round((value / top) * (levels - 1))))
}

/** A bar of `columns` characters, `share` (0 to 1) of it full. */
export function bar(share: number, columns: number, withBlocks = true): string {
  const full = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)) * columns
  if (!withBlocks) return '#'.repeat(Math.round(full)).padEnd(columns, '.')
  const whole = Math.floor(full)
  const rest = whole < columns ? eighths[Math.round((full - whole) * 7)]! : ''
  return ('█'.repeat(whole) + rest).padEnd(columns)
}
