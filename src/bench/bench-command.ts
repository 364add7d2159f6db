/**
 * `bench produce | consume | e2e | fanout`: one load, its progress while it runs, its result at the end.
 * Runs on: main. Touches: stdout, stderr, the signals of the terminal.
 */
import { ExitCode } from '../cli/exit-code.js'
import { onInterrupt } from '../cli/output.js'
import { startProgress } from '../cli/terminal/progress.js'
import { countText } from '../cli/terminal/quantities.js'
import type { ConnectOptions } from '../client/index.js'
import type { LoadOptions } from './load-options.js'
import { printResult } from './report.js'
import type { RunResult } from './run-result.js'
import { type LoadHooks, type LoadProgress, runLoad } from './run-load.js'

/** Resolves with the exit code: 1 when the figure must not be used, or records failed, or were not there afterwards. */
export async function runBench(target: ConnectOptions, options: LoadOptions, asJson: boolean): Promise<number> {
  const screen = new ProgressScreen()
  const interrupted = new AbortController()
  const done = onInterrupt(() => interrupted.abort())
  try {
    const hooks: LoadHooks = {
      signal: interrupted.signal,
      onProgress: (progress) => screen.show(progress),
      onNotice: (text) => process.stderr.write(`${text}\n`),
    }
    const result = await runLoad(target, options, hooks)
    screen.end()
    printResult(result, asJson)
    return isGood(result) ? ExitCode.done : ExitCode.failed
  } catch (error) {
    if (!interrupted.signal.aborted) throw error
    screen.end()
    process.stderr.write('stopped before the end: there is no result\n')
    return ExitCode.failed
  } finally {
    screen.end()
    done()
  }
}

function isGood({ void: problem, records }: RunResult): boolean {
  const { failed, lost = 0, duplicated = 0, outOfOrder = 0 } = records
  return problem === undefined && failed + lost + duplicated + outOfOrder === 0
}

/** A bar for each phase; nothing where there is no terminal. */
class ProgressScreen {
  private phase: LoadProgress['phase'] | undefined
  private bar: Awaited<ReturnType<typeof startProgress>> | undefined

  show({ phase, seconds, ofSeconds, records }: LoadProgress): void {
    if (phase !== this.phase) void this.begin(phase, ofSeconds ?? 1)
    this.bar?.update(ofSeconds === undefined ? 0 : seconds * 1000, `${countText(records)} records`)
  }

  private async begin(phase: LoadProgress['phase'], ofSeconds: number): Promise<void> {
    this.end()
    this.phase = phase
    const bar = await startProgress({ title: phase, total: Math.round(ofSeconds * 1000) })
    if (this.phase === phase) this.bar = bar
    else bar.end()
  }

  end(): void {
    this.phase = undefined
    this.bar?.end()
    this.bar = undefined
  }
}
