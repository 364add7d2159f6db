/**
 * `completion bash | zsh | fish`, and what its scripts call.
 * Runs on: main. Touches: nothing until it is run.
 */
import { Argument, type Command } from 'commander'
import { type CliEnvironment, invocationOf } from '../environment.js'
import { localHelp } from './help-style.js'

const shells = ['bash', 'zsh', 'fish']

export function addCompletion(program: Command, environment: CliEnvironment): void {
  const { name } = environment
  const completion = program
    .command('completion')
    .addArgument(new Argument('<SHELL>').choices(shells))
    .description('print a script that completes commands, options and topics')
    .addHelpText(
      'after',
      `
Install it for good:
  bash   ${name} completion bash > ~/.local/share/bash-completion/completions/${name}
  zsh    ${name} completion zsh > "\${fpath[1]}/_${name}"
  fish   ${name} completion fish > ~/.config/fish/completions/${name}.fish
or for this shell:
  bash   source <(${name} completion bash)`,
    )
    .action(async (shell: string, _options, command: Command) => {
      const { printScript } = await import('../commands/completion.js')
      printScript(shell, invocationOf(command, environment))
    })
  localHelp(completion)
  program
    .command('complete', { hidden: true })
    .argument('[WORDS...]')
    .allowUnknownOption()
    .action(async (words: string[], _options, command: Command) => {
      const { printCompletions } = await import('../commands/completion.js')
      await printCompletions(program, words, invocationOf(command, environment))
    })
}
