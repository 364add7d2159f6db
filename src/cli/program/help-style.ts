/**
 * How help looks.
 * Runs on: main. Touches: nothing.
 */
import { type Command, Help, type HelpConfiguration, type Option } from 'commander'
import { coloursFor } from '../terminal/colours.js'

/** What each command's help repeats of the program's options; the program's own help has all. */
const repeated: readonly (string | null | undefined)[] = ['--server', '--context', '--json']

/** commander strips colours where a stream has none. */
export function helpStyle(): HelpConfiguration {
  const { bold, cyan } = coloursFor({ isTTY: true }, {})
  return {
    showGlobalOptions: true,
    styleTitle: bold,
    styleSubcommandTerm: cyan,
    styleOptionTerm: cyan,
    optionDescription: (option) => withoutEmpty(new Help().optionDescription(option)),
    argumentDescription: (argument) => withoutEmpty(new Help().argumentDescription(argument)),
    // A group says what is below it.
    visibleGlobalOptions: (command) => {
      return command.commands.length > 0 ? [] : globalOptions(command).filter(({ long }) => repeated.includes(long))
    },
  }
}

/** A list that is empty unless something is given says nothing. */
function withoutEmpty(description: string): string {
  return description.replace(/ \(default: (?:\{\}|\[\])\)/, '')
}

function globalOptions(command: Command): Option[] {
  const help = new Help()
  help.showGlobalOptions = true
  return help.visibleGlobalOptions(command).filter(({ long }) => long !== '--version')
}

/** For commands that talk to no broker: its options say nothing to them. */
export function localHelp(command: Command): Command {
  return command.configureHelp({ ...helpStyle(), showGlobalOptions: false })
}

/** For commands to which all of them matter. */
export function fullHelp(command: Command): Command {
  return command.configureHelp({ ...helpStyle(), visibleGlobalOptions: globalOptions })
}
