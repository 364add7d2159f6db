/**
 * Prints a report: the table on stdout, or JSON; what did not hold on stderr.
 * Runs on: main. Touches: stdout, stderr.
 */
import type { Invocation } from '../../cli/environment.js'
import { printJson, printLine, printTable, tell } from '../../cli/output.js'
import { visibleInLine } from '../../cli/safe-text.js'
import { complaints, objectiveHeads, objectiveRows, outcomeText, widenedText } from './slo-text.js'
import type { SloReport } from './slo-report.js'

export function printReport({ isJson }: Pick<Invocation, 'isJson'>, report: SloReport): void {
  if (isJson) printJson(report)
  else {
    const { objectives } = report
    if (objectives.length > 0) printTable(objectiveHeads, objectiveRows(report))
    const widened = widenedText(report)
    if (widened !== undefined) printLine(widened)
    printLine(outcomeText(report))
  }
  for (const line of complaints(report)) tell(visibleInLine(line))
}
