/**
 * `log dump`.
 * Runs on: main. Touches: nothing until it is run.
 */
import type { Command } from 'commander'
import type { CliEnvironment } from '../environment.js'
import { examples } from './examples.js'
import { localHelp } from './help-style.js'

export function addLog(program: Command, environment: CliEnvironment): void {
  const log = program.command('log').description('look into files of a data folder')
  const dump = log
    .command('dump')
    .argument('<FILE>')
    .description('tell what a segment, index, snapshot, checkpoint or journal holds')
    .option('--records', 'each record of a segment, too')
    .action(async (file, options) => {
      const { dumpLog } = await import('../commands/log-dump.js')
      await dumpLog(file, options)
    })
  localHelp(dump)
  examples(dump, environment, [
    ['log dump data/topics/orders-0/00000000000000000000.log --records'],
    ['log dump data/journals/shard-0.journal'],
  ])
}
