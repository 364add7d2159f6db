/**
 * The options that every command takes, before or after its name.
 * Runs on: main. Touches: nothing.
 */
import type { Command } from 'commander'

export interface GlobalOptions {
  readonly server?: string
  readonly token?: string
  readonly tokenFile?: string
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly json?: boolean
}

export function addGlobalOptions(program: Command): void {
  program
    .option('--server <HOST:PORT,...>', 'the broker to talk to (STREAMBUS_SERVER; else 127.0.0.1:9400)')
    .option('--json', 'print JSON: answers on stdout, errors and summaries on stderr')
}

/** The value of `--json` before anything is parsed: errors of parsing are told in the form that was asked for. */
export function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json')
}
