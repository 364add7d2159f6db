/**
 * `log dump`.
 * Runs on: main. Touches: nothing until it is run.
 */
import type { Command } from 'commander'

export function addLog(program: Command): void {
  program
    .command('log')
    .description('look into files of a data folder')
    .command('dump')
    .argument('<FILE>')
    .description('tell what a segment, index, snapshot, checkpoint or journal holds')
    .option('--records', 'each record of a segment, too')
    .action(async (file, options) => {
      const { dumpLog } = await import('../commands/log-dump.js')
      await dumpLog(file, options)
    })
}
