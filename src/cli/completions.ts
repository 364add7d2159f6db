/**
 * What can stand at the end of a command line: commands, options, and values, from the tree of commands.
 * Runs on: main. Touches: nothing; values that only a broker or a file knows come through `Sources`.
 */
import type { Argument, Command, Option } from 'commander'
import { brokerConfigRows } from '../../native-free-core/config/broker-config.js'
import { topicConfigRows } from '../../native-free-core/config/topic-config.js'
import { cut } from './terminal/text-width.js'

export interface Completion {
  readonly value: string
  readonly description: string
}

export interface Completions {
  readonly items: readonly Completion[]
  /** Names of files instead of items. */
  readonly isFile: boolean
}

/** Asked only for what is to be completed. */
export interface Sources {
  topics(): Promise<readonly string[]>
  contexts(): Promise<readonly string[]>
}

/** `words`: after the program's name; the last one is to be completed, empty after a space. */
export async function completionsFor(
  program: Command,
  words: readonly string[],
  sources: Sources,
): Promise<Completions> {
  const joined = joinedWords(words)
  const current = joined.at(-1) ?? ''
  const place = walk(program, joined.slice(0, -1))
  const found = await candidates(place, current, sources)
  return { ...found, items: found.items.filter(({ value }) => value.startsWith(current)) }
}

/**
 * bash takes HOST:PORT and --option=VALUE apart at these characters and completes the piece after them alone: an option
 * and its value are two words then.
 */
function joinedWords(words: readonly string[]): string[] {
  const joined: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    const isLast = at === words.length - 1
    if (word === '=' && joined.at(-1)?.startsWith('--')) {
      if (isLast) joined.push('')
    } else if (word === ':' && joined.length > 0) {
      joined.push(`${joined.pop()}:${words[++at] ?? ''}`)
    } else joined.push(word)
  }
  return joined
}

interface Place {
  readonly command: Command
  /** Whose value comes next. */
  readonly option: Option | undefined
  readonly positionalCount: number
  /** After `--` everything is an argument. */
  readonly isPlain: boolean
}

function walk(program: Command, words: readonly string[]): Place {
  let command = program
  let option: Option | undefined
  let positionalCount = 0
  let isPlain = false
  for (const word of words) {
    if (option !== undefined) option = undefined
    else if (!isPlain && word === '--') isPlain = true
    else if (!isPlain && word.startsWith('-')) {
      const found = optionsOf(command).find(({ long, short }) => word === long || word === short)
      if (found?.required) option = found
    } else {
      const sub = positionalCount === 0 ? visibleCommands(command).find((one) => one.name() === word) : undefined
      if (sub === undefined) positionalCount++
      else command = sub
    }
  }
  return { command, option, positionalCount, isPlain }
}

function candidates(
  { command, option, positionalCount, isPlain }: Place,
  current: string,
  sources: Sources,
): Promise<Completions> {
  if (option !== undefined) return valuesOf(nameOfValue(option.flags), option.argChoices, sources)
  const withValue = isPlain ? null : /^(--[\w-]+=)/.exec(current)
  if (withValue !== null) return afterEquals(command, withValue[1]!, sources)
  if (!isPlain && current.startsWith('-')) return Promise.resolve(listed(flagsOf(command)))
  const commands = visibleCommands(command)
  if (commands.length > 0) {
    return Promise.resolve(listed(commands.map((one) => ({ value: one.name(), description: firstLine(one) }))))
  }
  const argument = argumentAt(command, positionalCount)
  if (argument === undefined) return Promise.resolve(nothing)
  return valuesOf(argument.name(), argument.argChoices, sources)
}

const nothing: Completions = { items: [], isFile: false }

function listed(items: readonly Completion[]): Completions {
  return { items, isFile: false }
}

async function afterEquals(command: Command, prefix: string, sources: Sources): Promise<Completions> {
  const option = optionsOf(command).find(({ long }) => long === prefix.slice(0, -1))
  if (option === undefined) return nothing
  const { items } = await valuesOf(nameOfValue(option.flags), option.argChoices, sources)
  return listed(items.map(({ value, description }) => ({ value: prefix + value, description })))
}

/** By the word that help shows for the value. */
async function valuesOf(name: string, choices: readonly string[] | undefined, sources: Sources): Promise<Completions> {
  const plain = (values: readonly string[]) => listed(values.map((value) => ({ value, description: '' })))
  if (choices !== undefined) return plain(choices)
  switch (name) {
    case 'FILE':
      return { items: [], isFile: true }
    case 'TOPIC':
      return plain(await sources.topics())
    case 'CONTEXT':
      return plain(await sources.contexts())
    case 'WHERE':
      return plain(['earliest', 'latest', '-5m', '-1h', '-1d'])
    case 'KEY':
      return plain([...Object.keys(brokerConfigRows), ...Object.keys(topicConfigRows)])
    case 'ACKS':
      return plain(['all', '1', '0'])
    default:
      return nothing
  }
}

/** TOPIC of `--topic <TOPIC>`. */
function nameOfValue(flags: string): string {
  return /[<[]([A-Z]+)/.exec(flags)?.[1] ?? ''
}

function argumentAt(command: Command, index: number): Argument | undefined {
  const found = command.registeredArguments
  return found[index] ?? (found.at(-1)?.variadic ? found.at(-1) : undefined)
}

function visibleCommands(command: Command): Command[] {
  return command.createHelp().visibleCommands(command)
}

/** Of the command and of those above it. */
function optionsOf(command: Command): Option[] {
  const own = command.createHelp().visibleOptions(command)
  for (let above = command.parent; above !== null; above = above.parent) {
    own.push(...above.options.filter(({ long, hidden }) => !hidden && long !== '--version'))
  }
  return own
}

/** A shell shows it beside the option. */
const maxColumns = 60

function flagsOf(command: Command): Completion[] {
  return optionsOf(command).flatMap(({ long, description }) => {
    return long === undefined || long === null ? [] : [{ value: long, description: cut(description, maxColumns) }]
  })
}

function firstLine(command: Command): string {
  return command.description().split('\n', 1)[0]!
}
