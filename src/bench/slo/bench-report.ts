/**
 * `bench report`: tells saved results again, or writes them in another form.
 * Runs on: main. Touches: the files, stdout.
 */
import type { Invocation } from '../../cli/environment.js'
import { ExitCode } from '../../cli/exit-code.js'
import { tell } from '../../cli/output.js'
import { checkOutputs, type OutputFiles, writeOutputs } from './outputs.js'
import { isGood, readReport } from './slo-report.js'
import { printReport } from './print-report.js'

/** The exit code: as of the run. */
export function benchReport(invocation: Invocation, path: string, files: OutputFiles): number {
  const report = readReport(path)
  checkOutputs(files)
  printReport(invocation, report)
  for (const written of writeOutputs(files, report)) tell(`wrote ${written}`)
  return isGood(report) ? ExitCode.done : ExitCode.failed
}
