/**
 * Examples below a command's help, with the name that it was called by.
 * Runs on: main. Touches: nothing.
 */
import type { Command } from 'commander'
import type { CliEnvironment } from '../environment.js'

/** PROGRAM after a pipe stands for the name, too. */
export type Example = readonly [line: string, meaning?: string]

export function examples(command: Command, { name }: CliEnvironment, list: readonly Example[]): void {
  const lines = list.map(([line, meaning]) => {
    const comment = meaning === undefined ? '' : `  # ${meaning}\n`
    return `${comment}  ${name} ${line.replace('| PROGRAM', `| ${name}`)}`
  })
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
}
