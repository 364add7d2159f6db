/**
 * Reads what a broker's GET /metrics answers, by name: what a release does not expose is absent.
 * Runs on: main. Touches: nothing.
 */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const linePattern = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/
const labelPattern = /(\w+)="((?:[^"\\]|\\.)*)"/g

export class BrokerMetrics {
  private readonly samples = new Map<string, Sample[]>()

  /** `wanted`: names of samples (of a histogram NAME_bucket, NAME_sum, NAME_count); absent: all. */
  constructor(text: string, wanted?: ReadonlySet<string>) {
    for (const line of (wanted === undefined ? text : linesOf(text, wanted)).split('\n')) {
      const parts = line.startsWith('#') ? null : linePattern.exec(line)
      if (parts === null) continue
      const labels = Object.fromEntries(
        Array.from((parts[2] ?? '').matchAll(labelPattern), ([, name, text]) => [name, text]),
      )
      const sample = { labels, value: valueOf(parts[3]!) }
      const known = this.samples.get(parts[1]!)
      if (known === undefined) this.samples.set(parts[1]!, [sample])
      else known.push(sample)
    }
  }

  all(name: string): readonly Sample[] {
    return this.samples.get(name) ?? []
  }

  /** Over all labels; undefined: it is not exposed. */
  sum(name: string): number | undefined {
    const samples = this.samples.get(name)
    return samples?.reduce((sum, { value }) => sum + value, 0)
  }

  /** Of a histogram over the labels that `isWanted` takes: how many are at most each bound, in order. */
  buckets(name: string, isWanted: (labels: Sample['labels']) => boolean = () => true): { le: number; count: number }[] {
    const counts = new Map<number, number>()
    for (const { labels, value } of this.all(`${name}_bucket`)) {
      if (!isWanted(labels)) continue
      const le = valueOf(labels['le'] ?? '')
      counts.set(le, (counts.get(le) ?? 0) + value)
    }
    return Array.from(counts, ([le, count]) => ({ le, count })).sort((one, other) => one.le - other.le)
  }
}

/** The lines of the samples wanted, found without looking at all: those of one name stand together. */
function linesOf(text: string, wanted: ReadonlySet<string>): string {
  let lines = ''
  for (const name of wanted) {
    for (const head of [`${name}{`, `${name} `]) {
      const start = text.startsWith(head) ? 0 : text.indexOf(`\n${head}`) + 1
      let end = start
      while (text.startsWith(head, end)) end = text.indexOf('\n', end) + 1 || text.length
      lines += `${text.slice(start, end)}\n`
    }
  }
  return lines
}

function valueOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  return text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text)
}

type Buckets = readonly { readonly le: number; readonly count: number }[]

/** What came between two answers. */
export function bucketsSince(before: Buckets, after: Buckets): { le: number; count: number }[] {
  return after.map(({ le, count }, index) => ({ le, count: count - (before[index]?.count ?? 0) }))
}

/** The bound of the bucket in which the percentile lies; undefined: nothing was counted, or it is beyond all bounds. */
export function bucketPercentile(buckets: Buckets, percentile: number): number | undefined {
  const total = buckets.at(-1)?.count ?? 0
  if (total === 0) return undefined
  const { le } = buckets.find(({ count }) => count >= (total * percentile) / 100)!
  return Number.isFinite(le) ? le : buckets.at(-2)?.le
}
