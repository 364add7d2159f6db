/**
 * Help of every command as it is printed, completion, and the command line to go on with. The help is kept in
 * test/vectors/cli-help, a file a group; with STREAMBUS_REWRITE=1 it is written anew, and a person reads what changed.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import type { Command } from 'commander'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommandLine, quoted } from '../../../src/cli/command-line.js'
import { completionsFor } from '../../../src/cli/completions.js'
import { buildProgram } from '../../../src/cli/program.js'
import { root } from '../../tidy/source-tree.js'

const rewrite = process.env['STREAMBUS_REWRITE'] === '1'
const helpFolder = join(root, 'test/vectors/cli-help')

function build(name = 'streambus'): Command {
  return buildProgram({ name, typed: name, isJson: false, end: () => {} })
}

function commandsOf(command: Command, path: readonly string[] = []): [string, Command][] {
  const below = command.createHelp().visibleCommands(command)
  return [
    [path.join(' '), command],
    ...below.filter((one) => one.name() !== 'help').flatMap((one) => commandsOf(one, [...path, one.name()])),
  ]
}

function isVisible(command: Command): boolean {
  return command.parent!.createHelp().visibleCommands(command.parent!).includes(command)
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (piece) => (text += piece),
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return text
}

describe('help', () => {
  for (const one of [
    'streambus',
    ...build()
      .commands.filter(isVisible)
      .map((command) => command.name()),
  ]) {
    it(`of ${one} is what was read last`, () => {
      const program = build()
      const command = program.commands.find((found) => found.name() === one)
      const all = command === undefined ? ([['streambus', program]] as const) : commandsOf(command, [one])
      const text = all.map(([path, found]) => `==== ${path}\n${helpOf(found)}`).join('\n')
      const file = join(helpFolder, `${one}.txt`)
      if (rewrite) writeFileSync(file, text)
      expect(text).to.equal(existsSync(file) ? readFileSync(file, 'utf8') : '')
    })
  }

  it('has examples for every command that does something, under the name it was called by', () => {
    for (const [path, command] of commandsOf(build('streambus-cli'))) {
      if (path === '' || command.commands.length > 0) continue
      const example =
        path === 'completion' ? /streambus-cli completion bash/ : new RegExp(`^  streambus-cli ${path}`, 'm')
      expect(helpOf(command), path).to.match(example)
    }
  })

  it('examples are taken by the commands as they are printed', async () => {
    for (const [path, command] of commandsOf(build())) {
      for (const [, line] of helpOf(command).matchAll(/^ {2}streambus (.*)$/gm)) {
        if (path === 'completion') continue
        const words = line!
          .split(' | ')[0]!
          .split(/ [<>] /)[0]!
          .match(/'[^']*'|\S+/g)!
          .map((word) => word.replace(/'/g, ''))
        const program = build()
        for (const [, one] of commandsOf(program)) one.action(() => {}).configureOutput({ writeOut: () => {} })
        await program.parseAsync(words, { from: 'user' }).catch((error: { code: string; message: string }) => {
          expect(error.code, `${line}: ${error.message}`).to.equal('commander.helpDisplayed')
        })
      }
    }
  })
})

describe('completion', () => {
  const sources = {
    topics: () => Promise.resolve(['orders', 'other']),
    contexts: () => Promise.resolve(['dev']),
  }
  const complete = async (...words: string[]) => {
    const { items, isFile } = await completionsFor(build(), words, sources)
    return isFile ? 'FILE' : items.map(({ value }) => value)
  }

  it('completes commands, options, topics, choices and files where each belongs', async () => {
    expect(await complete('con')).to.deep.equal(['consume', 'config', 'context'])
    expect(await complete('topic', 'd')).to.deep.equal(['describe', 'delete', 'delete-records'])
    expect(await complete('consume', 'o')).to.deep.equal(['orders', 'other'])
    expect(await complete('consume', '')).to.deep.equal(['orders', 'other'])
    expect(await complete('topic', 'describe', 'or')).to.deep.equal(['orders'])
    expect(await complete('topic', 'create', 'or')).to.deep.equal([])
    expect(await complete('consume', '-n', '5', 'orders', '--un')).to.deep.equal(['--until-end'])
    expect(await complete('consume', 'orders', '--ser')).to.deep.equal(['--server'])
    expect(await complete('consume', 'orders', '--value-format', 'b')).to.deep.equal(['base64'])
    expect(await complete('consume', 'orders', '--value-format=b')).to.deep.equal(['--value-format=base64'])
    expect(await complete('consume', '-o', 'e')).to.deep.equal(['earliest'])
    expect(await complete('produce', 'orders', '')).to.equal('FILE')
    expect(await complete('broker', '--config', 'c')).to.equal('FILE')
    expect(await complete('--context', '')).to.deep.equal(['dev'])
    expect(await complete('context', 'use', 'd')).to.deep.equal(['dev'])
    expect(await complete('config', 'explain', 'retention.m')).to.deep.equal(['retention.ms'])
    expect(await complete('completion', '')).to.deep.equal(['bash', 'zsh', 'fish'])
    expect(await complete('consume', 'orders', 'more')).to.deep.equal([])
    expect(await complete('nonsense', 'x')).to.deep.equal([])
    expect(await complete('--nonsense=')).to.deep.equal([])
  })

  it('takes words as bash cuts them, at = and :', async () => {
    expect(await complete('consume', 'orders', '--value-format', '=', 'b')).to.deep.equal(['base64'])
    expect(await complete('consume', 'orders', '--value-format', '=')).to.have.members([
      'text',
      'json',
      'hex',
      'base64',
    ])
    expect(await complete('--server', '127.0.0.1', ':', '9400', 'consume', 'or')).to.deep.equal(['orders'])
    expect(await complete('--server', '127.0.0.1', ':')).to.deep.equal([])
  })

  it('never offers what help does not show', async () => {
    expect(await complete('compl')).to.deep.equal(['completion'])
  })
})

describe('CommandLine', () => {
  async function again(words: readonly string[]): Promise<string> {
    const program = build()
    const consume = program.commands.find((command) => command.name() === 'consume')!
    const line = new CommandLine(consume)
    consume.action(() => {})
    await program.parseAsync(words, { from: 'user' })
    return line.again('npx streambus', ['from', 'last'], ['--from', '0:7'])
  }

  it('keeps what was typed but the place to begin and secrets', async () => {
    expect(await again(['--server', 'h:1', 'consume', 't', '-o5', '-n', '3', '-f', "%v it's\\n", '-q'])).to.equal(
      String.raw`npx streambus consume t --server h:1 --max-messages 3 --format '%v it'\''s\n' --quiet --from 0:7`,
    )
    expect(
      await again(['consume', '--token', 'secret', 't', '--last', '5', '--header', 'a=b', '--header', 'c']),
    ).to.equal('npx streambus consume t --header a=b --header c --from 0:7')
  })

  it('quotes for a shell', () => {
    expect(['a-b_c/1:2=3,@%+', '', 'a b', '$(x)', "'"].map(quoted)).to.deep.equal([
      'a-b_c/1:2=3,@%+',
      "''",
      "'a b'",
      "'$(x)'",
      String.raw`''\'''`,
    ])
  })
})
