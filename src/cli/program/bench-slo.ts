/**
 * `bench slo | report | diff`.
 * Runs on: main. Touches: nothing until one is run.
 */
import { type Command, Option } from 'commander'
import { asCount, asFraction, asRate } from '../arguments.js'
import { type CliEnvironment, invocationOf } from '../environment.js'
import { examples } from './examples.js'
import { localHelp } from './help-style.js'

export function addBenchSlo(bench: Command, environment: CliEnvironment): void {
  const slo = bench
    .command('slo')
    .description('run the loads of a profile and judge them by its objectives')
    .requiredOption('--profile <FILE>', 'the loads and their objectives: docs/bench-profile.md')
    .option('--save <FILE>', 'write the results as JSON, for bench report and bench diff')
    .option('--junit <FILE>', 'write JUnit XML, for CI')
    .option('--html <FILE>', 'write a page with plots that needs nothing else')
    .option('--own-broker', 'start a broker for this run, with the keys under broker in the profile')
    .addOption(new Option('--front-end <NAME>', 'of this broker').choices(['auto', 'uws', 'ws']))
    .option('--only <TEXT>', 'only loads with this in their name')
    .option('--repeat <N>', 'runs of each load, in place of what the profile says', asCount)
    .option('--seconds <N>', 'how long each is measured, likewise', asRate)
    .option('--warm-up <SECONDS>', 'how long it runs before, likewise', asFraction)
    .option('--loosen <FACTOR>', 'make every bound so many times as wide, as for a busy machine', asRate)
    .action(async (options, command) => {
      const { benchSlo } = await import('../../bench/slo/bench-slo.js')
      environment.end(await benchSlo(invocationOf(command, environment), options))
    })
  const report = localHelp(bench.command('report'))
    .argument('<FILE>', 'what bench slo --save wrote')
    .description('tell results again, or write them in another form')
    .option('--junit <FILE>', 'write JUnit XML, for CI')
    .option('--html <FILE>', 'write a page with plots that needs nothing else')
    .action(async (file, options, command) => {
      const { benchReport } = await import('../../bench/slo/bench-report.js')
      environment.end(benchReport(invocationOf(command, environment), file, options))
    })
  const diff = localHelp(bench.command('diff'))
    .argument('<BEFORE>', 'what bench slo --save wrote')
    .argument('<AFTER>', 'the same, of later')
    .description('compare two results: what is better or worse, and how sure that is')
    .option('--all', 'every figure that both have')
    .option('--fail-on-regression <PERCENT>', 'end with 1 when a figure is surely worse, by more than this', asFraction)
    .action(async (before, after, options, command) => {
      const { benchDiff } = await import('../../bench/slo/bench-diff.js')
      environment.end(benchDiff(invocationOf(command, environment), before, after, options))
    })
  examples(slo, environment, [
    ['bench slo --profile bench/profiles/short.yaml --own-broker', 'a broker of its own, nothing left behind'],
    ['bench slo --profile slo.yaml --save now.json --junit slo.xml --html slo.html', 'the broker of --server, in CI'],
  ])
  examples(report, environment, [['bench report now.json --html slo.html']])
  examples(diff, environment, [
    ['bench diff before.json now.json'],
    ['bench diff before.json now.json --fail-on-regression 10', 'for CI'],
  ])
}
