/**
 * How the command line was called, and what its global options come to for a command.
 * Runs on: main. Touches: nothing until a command asks for its target.
 */
import type { Command } from 'commander'
import type { CalledBy } from './called-by.js'
import type { GlobalOptions } from './program/global-options.js'
import { resolveTarget, type Target } from './target.js'

/** The same for every command of a process. `name`: what help calls it; `typed`: what messages tell people to type. */
export interface CliEnvironment extends CalledBy {
  /** Answers, summaries and errors as JSON. */
  readonly isJson: boolean
  /** Takes the exit code of a command that ends otherwise than with 0. */
  end(exitCode: number): void
}

/** One run of one command. */
export interface Invocation {
  readonly environment: CliEnvironment
  readonly isJson: boolean
  /** The broker to talk to. Throws USAGE for options that can't be. */
  target(): Target
}

export function invocationOf(command: Command, environment: CliEnvironment): Invocation {
  const options = command.optsWithGlobals<GlobalOptions>()
  return {
    environment,
    isJson: environment.isJson,
    target: () => resolveTarget(options, process.env, environment.typed),
  }
}
