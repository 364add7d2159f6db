/**
 * The code blocks of a page, and what a comment before each says about running it.
 * Runs on: the test process. Touches: nothing.
 *
 * A comment in the line before a fence changes what is done with the block:
 *
 *   <!-- run: not, because REASON -->   not run; the reason is for readers of the source
 *   <!-- run: exit 2 -->                the last command ends with that exit code
 *   <!-- run: until TEXT -->            the block is interrupted (Ctrl-C) when its output holds TEXT
 *   <!-- run: config -->                the YAML is a broker's configuration, which the broker accepts
 */

export interface Block {
  readonly page: string
  /** Of the opening fence, from 1. */
  readonly line: number
  readonly language: string
  readonly text: string
  /** What follows `run:` in the comment before it; empty: nothing was said. */
  readonly directive: string
}

const fence = /^( *)```(.*)$/
const comment = /^ *<!-- run: (.*?) -->$/

/** In the order of the page. A fence that is never closed gives a block up to the end, as Markdown has it. */
export function blocksOf(page: string, markdown: string): Block[] {
  const lines = markdown.split('\n')
  const blocks: Block[] = []
  for (let at = 0; at < lines.length; at++) {
    const open = fence.exec(lines[at]!)
    if (open === null) continue
    const indent = open[1]!.length
    const start = at + 1
    for (at = start; at < lines.length && lines[at]!.trim() !== '```'; at++);
    const text = lines
      .slice(start, at)
      .map((line) => line.slice(Math.min(indent, line.length - line.trimStart().length)))
      .join('\n')
    const directive = comment.exec(lines[start - 2] ?? '')?.[1] ?? ''
    blocks.push({ page, line: start, language: open[2]!.trim(), text: `${text}\n`, directive })
  }
  return blocks
}

/** A `console` block: each command with the lines that it is said to print. */
export interface ConsoleStep {
  readonly command: string
  readonly output: readonly string[]
}

/** Lines that begin with `$ ` are commands, `> ` carries one on; what follows is output. */
export function consoleStepsOf(text: string): ConsoleStep[] {
  const steps: { command: string; output: string[] }[] = []
  for (const line of text.replace(/\n$/, '').split('\n')) {
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), output: [] })
    else if (line.startsWith('> ') && steps.length > 0 && steps.at(-1)!.output.length === 0) {
      steps.at(-1)!.command += `\n${line.slice(2)}`
    } else steps.at(-1)?.output.push(line)
  }
  return steps
}

/** Whether printed lines are what the page says: a line `...` stands for any lines, `...` within one for any text. */
export function isAsPrinted(printed: readonly string[], said: readonly string[]): boolean {
  const pattern = said.map((line) => (line.trim() === '...' ? '(?:[^\\n]*\\n)*?' : `${patternOf(line)}\\n`)).join('')
  return new RegExp(`^${pattern}$`).test(printed.map((line) => `${line.trimEnd()}\n`).join(''))
}

function patternOf(line: string): string {
  return line
    .trimEnd()
    .split('...')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^\\n]*')
}
