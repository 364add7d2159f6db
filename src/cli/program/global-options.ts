/**
 * The options that every command takes, before or after its name.
 * Runs on: main. Touches: nothing.
 */
import type { Command } from 'commander'

export interface GlobalOptions {
  readonly server?: string | undefined
  readonly context?: string | undefined
  readonly token?: string | undefined
  readonly tokenFile?: string | undefined
  readonly tlsCa?: string | undefined
  readonly tlsCert?: string | undefined
  readonly tlsKey?: string | undefined
  readonly json?: boolean
}

export function addGlobalOptions(program: Command): void {
  program
    .option(
      '--server <HOST:PORT,...>',
      'the broker to talk to (STREAMBUS_SERVER; else the context; else 127.0.0.1:9400)',
    )
    .option('--context <CONTEXT>', 'the broker of this name (STREAMBUS_CONTEXT; else the one in use)')
    .option('--token <TOKEN>', 'your token (STREAMBUS_TOKEN); others on this machine can see arguments')
    .option('--token-file <FILE>', 'a file that holds the token, which they cannot')
    .option('--tls-ca <FILE>', 'certificates to trust (PEM), for wss:// (STREAMBUS_TLS_CA)')
    .option('--tls-cert <FILE>', 'the certificate of this client (STREAMBUS_TLS_CERT)')
    .option('--tls-key <FILE>', 'its key (STREAMBUS_TLS_KEY)')
    .option('--json', 'print JSON: answers on stdout, errors and summaries on stderr')
}

/** The value of `--json` before anything is parsed: errors of parsing are told in the form that was asked for. */
export function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json')
}
