/**
 * The command line as it was typed, to tell how to go on: options are kept as text, secrets left out.
 * Runs on: main. Touches: nothing.
 */
import type { Command } from 'commander'

interface TypedOption {
  readonly name: string
  readonly flag: string
  /** Undefined: an option without a value. */
  readonly value: string | undefined
}

const secrets = ['token']

export class CommandLine {
  private readonly command: Command
  private readonly typed: TypedOption[] = []

  /** Listens to the options that `command` and its program have by now. */
  constructor(command: Command) {
    this.command = command
    for (let of: Command | null = command; of !== null; of = of.parent) {
      for (const option of of.options) {
        const flag = option.long ?? option.short ?? ''
        of.on(`option:${option.name()}`, (value: unknown) => {
          this.typed.push({ name: option.name(), flag, value: typeof value === 'string' ? value : undefined })
        })
      }
    }
  }

  /** What to type for the same with some options left out and others added. `typed`: how the program is called. */
  again(typed: string, without: readonly string[], added: readonly string[]): string {
    const kept = this.typed
      .filter(({ name }) => !without.includes(name) && !secrets.includes(name))
      .flatMap(({ flag, value }) => (value === undefined ? [flag] : [flag, value]))
    return [typed, this.command.name(), ...[...this.command.args, ...kept, ...added].map(quoted)].join(' ')
  }
}

/** For a POSIX shell. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
