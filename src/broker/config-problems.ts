/**
 * What is wrong with a configuration: each problem with its place, and for terminals the line itself with a mark.
 * Runs on: main, the command line. Touches: nothing.
 *
 *   error: port is 70000; expected 0 to 65535
 *     --> config/broker.yaml:2:7
 *     |
 *   2 | port: 70000
 *     |       ^^^^^ expected 0 to 65535
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'

/** Where in a file, and what stands there. */
export interface Excerpt {
  /** From 1, as editors count. */
  readonly line: number
  readonly column: number
  readonly lengthChars: number
  readonly text: string
}

export interface ConfigProblem {
  /** `config/broker.yaml:2:7`, an environment variable, or an option; empty when the message names it. */
  readonly place: string
  /** What is wrong, with the value. */
  readonly message: string
  /** What stands beside the mark. */
  readonly label?: string
  readonly excerpt?: Excerpt | undefined
}

/** A wrong start: a person has to change something, starting again does not help. */
const wrongArguments = 2

export class ConfigError extends StreamBusError {
  readonly problems: readonly ConfigProblem[]
  readonly exitCode = wrongArguments

  constructor(problems: readonly ConfigProblem[], remedy?: string) {
    const text = problems.map(({ place, message }) => (place === '' ? message : `${place}: ${message}`)).join('\n')
    super('INVALID_CONFIG', text, remedy === undefined ? {} : { remedy })
    this.problems = problems
  }

  /** The whole report, for a terminal. */
  terminalText(isColoured: boolean): string {
    const count = this.problems.length
    const sum = count === 1 ? '' : `${paint('error', red, isColoured)}: ${count} problems in the configuration\n`
    const parts = this.problems.map((problem) => frameOf(problem, isColoured))
    return `${parts.join('\n')}\n${sum}  ${this.remedy}\n`
  }
}

const red = '31;1'
const blue = '34;1'
const bold = '1'

function paint(text: string, colour: string, isColoured: boolean): string {
  return isColoured ? `\u001b[${colour}m${text}\u001b[0m` : text
}

/** A line that is too long for any screen is cut around the mark. */
const longestLine = 160

function frameOf({ place, message, label, excerpt }: ConfigProblem, isColoured: boolean): string {
  const head = `${paint('error', red, isColoured)}${paint(`: ${message}`, bold, isColoured)}\n`
  const bar = paint('|', blue, isColoured)
  if (excerpt === undefined) return place === '' ? head : `${head}  ${paint('-->', blue, isColoured)} ${place}\n`
  const number = String(excerpt.line)
  const gap = ' '.repeat(number.length)
  const text = printable(excerpt.text).slice(0, longestLine)
  const before = ' '.repeat(Math.min(excerpt.column - 1, longestLine))
  const mark = '^'.repeat(Math.max(1, Math.min(excerpt.lengthChars, text.length - excerpt.column + 1)))
  const marked = paint(label === undefined ? mark : `${mark} ${label}`, red, isColoured)
  return [
    `${head}${gap}${paint('-->', blue, isColoured)} ${place}`,
    `${gap} ${bar}`,
    `${paint(number, blue, isColoured)} ${bar} ${text}`,
    `${gap} ${bar} ${before}${marked}\n`,
  ].join('\n')
}

/** What a file holds may be anything: nothing of it may steer the terminal. One character each, so that marks fit. */
function printable(text: string): string {
  let shown = ''
  for (const char of text) {
    const code = char.codePointAt(0)!
    if (char === '\t') shown += ' '
    else shown += code < 32 || (code >= 127 && code < 160) ? '?' : char
  }
  return shown
}
