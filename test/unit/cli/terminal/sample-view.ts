/**
 * A live view for the tests of the terminal: shows its size and the keys that came, and breaks when told to.
 * Runs on: a process of a test, on a pseudo-terminal.
 */
import { endBySignal, runLiveView } from '../../../../src/cli/terminal/live-view.js'

const keys: string[] = []

function throwLater(): void {
  setTimeout(() => {
    throw new Error('broken on purpose')
  }, 0)
}

process.stdout.write('before\n')
const end = await runLiveView(
  {
    draw: ({ columns, rows }) => [`view ${columns}x${rows}`, `keys ${keys.join(' ')}`],
    key: (name) => {
      keys.push(name)
      if (name === 'x') throwLater()
      return name === 'q' ? 'end' : undefined
    },
  },
  { framesPerSecond: 10 },
)
if (end !== 'key') endBySignal(end)
process.stdout.write('after\n')
