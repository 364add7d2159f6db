/**
 * The name by which people called the command line, so that help and messages say what they can type.
 * Runs on: main. Touches: nothing.
 */
import { basename } from 'node:path'

export interface CalledBy {
  readonly name: string
  readonly typed: string
}

/** `scriptPath`: process.argv[1]; a link in a folder of programs keeps its own name there, without an extension. */
export function calledBy(
  scriptPath: string | undefined,
  variables: Readonly<Record<string, string | undefined>>,
): CalledBy {
  const file = basename(scriptPath ?? '')
  const base = file.replace(/\.[cm]?js$/, '')
  const name = base === 'streambus' ? base : 'streambus-cli'
  // A script, or a link below node_modules that npm found, is not on the PATH.
  const isOnPath = base === file && variables['npm_command'] === undefined
  return { name, typed: isOnPath ? name : `npx ${name}` }
}
