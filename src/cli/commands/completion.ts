/**
 * `completion SHELL`: the script for a shell; `complete -- WORDS`: what that script asks for at each Tab.
 * Runs on: main. Touches: stdout; the broker and the file of contexts, when their names are asked for.
 */
import { script, ShellCompDirective } from '@bomb.sh/tab'
import type { Command } from 'commander'
import { connect } from '../../client/index.js'
import { bashScript } from '../bash-completion.js'
import { completionsFor } from '../completions.js'
import { readContexts } from '../contexts.js'
import type { Invocation } from '../environment.js'
import { connectOptionsOf } from '../target.js'

/** Nobody waits longer for a Tab; then there are no topics. */
const topicsTimeoutMs = 500

export function printScript(shell: string, { environment }: Invocation): void {
  const { name } = environment
  if (shell === 'bash') process.stdout.write(bashScript(name))
  else script(shell, name, name)
}

/** Prints a line for each, then how the shell takes them. Never fails: a shell at Tab shows no errors. */
export async function printCompletions(program: Command, words: readonly string[], target: Invocation): Promise<void> {
  const sources = { topics: () => topicNames(target), contexts: () => Promise.resolve(contextNames()) }
  const { items, isFile } = await completionsFor(program, words, sources)
  const { ShellCompDirectiveDefault, ShellCompDirectiveNoFileComp } = ShellCompDirective
  const lines = items.map(({ value, description }) => `${value}\t${description}\n`)
  const directive = isFile ? ShellCompDirectiveDefault : ShellCompDirectiveNoFileComp
  process.stdout.write(`${lines.join('')}:${directive}\n`)
}

async function topicNames(target: Invocation): Promise<string[]> {
  try {
    const signal = AbortSignal.timeout(topicsTimeoutMs)
    const client = await connect({ ...connectOptionsOf(target.target()), connectTimeoutMs: topicsTimeoutMs, signal })
    try {
      return (await client.admin().listTopics({ signal })).map(({ name }) => name)
    } finally {
      await client.close()
    }
  } catch {
    return []
  }
}

function contextNames(): string[] {
  try {
    return [...readContexts(process.env).byName.keys()]
  } catch {
    return []
  }
}
