/**
 * The files in deploy/ and the container files: alerts and dashboard name metrics and labels that there are, the image
 * runs without rights and opens nothing, its numbers fit the broker's.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { parse } from 'yaml'
import { brokerConfigOf, brokerConfigRows } from '../../native-free-core/config/broker-config.js'
import { type MetricRow, metricRows } from '../../native-free-core/metrics/metric-table.js'
import { environmentNameOf } from '../../src/broker/config-variables.js'
import { readText } from './source-tree.js'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly action: string }
}

interface Panel {
  readonly title: string
  readonly description?: string
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

const rows: Readonly<Record<string, MetricRow>> = metricRows
/** What Prometheus adds. */
const scrapeLabels = ['instance', 'job']

/** The row of a series: a histogram has three of them. */
function rowOf(series: string): MetricRow | undefined {
  if (Object.hasOwn(rows, series)) return rows[series]?.type === 'histogram' ? undefined : rows[series]
  const row = rows[series.replace(/_(bucket|sum|count)$/, '')]
  return row?.type === 'histogram' ? row : undefined
}

const seriesIn = (expression: string): string[] => expression.match(/\bstreambus_\w+/g) ?? []

function labelsIn(expression: string): string[] {
  const grouped = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names]) => names!.split(','))
  const selected = [...expression.matchAll(/[{,]\s*(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, name]) => name!)
  return [...grouped, ...selected].map((name) => name.trim())
}

/** Names in an expression, or in the texts made of its result, that there are none of. */
function unknownIn(expression: string, texts: readonly string[]): string[] {
  const series = seriesIn(expression)
  const known = new Set(scrapeLabels)
  for (const name of series) {
    for (const label of rowOf(name)?.labels ?? []) known.add(label)
    if (name.endsWith('_bucket')) known.add('le')
  }
  const shown = texts.flatMap((text) =>
    [...text.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, name]) => name!),
  )
  return [
    ...series.filter((name) => rowOf(name) === undefined),
    ...[...labelsIn(expression), ...shown].filter((label) => !known.has(label)),
  ]
}

describe('alerts and dashboard', () => {
  const { groups } = parse(readText('deploy/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }
  const rules = groups.flatMap((group) => group.rules)
  const { panels } = JSON.parse(readText('deploy/grafana/dashboard.json')) as { panels: Panel[] }

  it('know what they would find unknown', () => {
    expect(unknownIn('rate(streambus_commits[5m])', [])).to.deep.equal(['streambus_commits'])
    expect(unknownIn('streambus_commit_duration_seconds', [])).to.deep.equal(['streambus_commit_duration_seconds'])
    expect(unknownIn('sum by (le, shard) (streambus_commits_total{kind="x"})', ['{{ $labels.topic }}'])).to.deep.equal([
      'le',
      'kind',
      'topic',
    ])
  })

  for (const { alert, expr, labels, annotations } of rules) {
    it(`${alert} names metrics and labels that there are, and tells what to do`, () => {
      const { summary, action } = annotations
      expect(unknownIn(expr, [summary.replaceAll(/\{\{ \$value[^}]*\}\}/g, ''), action])).to.deep.equal([])
      expect(labels.severity).to.be.oneOf(['critical', 'warning'])
      expect(
        [summary, action].every((text) => text.endsWith('.')),
        'sentences',
      ).to.equal(true)
    })
  }

  it('alert of what hurts', () => {
    const text = rules.map(({ expr }) => expr).join('\n')
    const wanted = [
      'shard_offline',
      'damaged_segments',
      'disk_reserve',
      'journal_used',
      'commit_duration',
      'event_loop_delay',
    ]
    for (const part of [...wanted, 'authentication_failures', 'certificate_expiry']) expect(text).to.contain(part)
  })

  for (const { title, targets = [], description } of panels) {
    if (targets.length === 0) continue
    it(`the panel "${title}" names metrics and labels that there are`, () => {
      for (const { expr, legendFormat } of targets) expect(unknownIn(expr, [legendFormat]), expr).to.deep.equal([])
      expect(description).to.match(/\.$/)
    })
  }
})

describe('the container files', () => {
  const lines = readText('Containerfile').replaceAll('\\\n', ' ').split('\n')
  const last = (word: string): string =>
    [...lines]
      .reverse()
      .find((line) => line.startsWith(`${word} `))!
      .slice(word.length + 1)
  const compose = parse(readText('docker-compose.yml')) as {
    services: { streambus: Record<string, any> }
    volumes: Record<string, unknown>
  }
  const service = compose.services.streambus

  it('run the broker without rights, as a process that hears signals', () => {
    expect(last('USER')).to.match(/^[1-9]\d+:[1-9]\d+$/)
    for (const word of ['ENTRYPOINT', 'CMD']) expect(JSON.parse(last(word))).to.be.an('array')
    expect(JSON.parse(last('ENTRYPOINT'))[0]).to.equal('node')
    expect(last('STOPSIGNAL')).to.equal('SIGTERM')
  })

  it('open nothing: the image brings neither certificates, nor tokens, nor allowInsecure', () => {
    const variables = last('ENV')
      .split(' ')
      .map((pair) => pair.split('=')[0]!)
    expect(variables).to.have.members(['NODE_ENV', 'STREAMBUS_HOST', 'STREAMBUS_DATA_FOLDER'])
    expect(service['ports']).to.deep.equal(['127.0.0.1:9400:9400'])
  })

  it('name variables, ports and folders that the broker has', () => {
    const known = Object.keys(brokerConfigRows).map(environmentNameOf)
    for (const name of Object.keys(service['environment'] as object)) expect(known).to.include(name)
    expect(last('EXPOSE')).to.equal(String(brokerConfigOf().port))
    expect(service['volumes']).to.deep.equal([`data:${last('VOLUME')}`])
    expect(Object.keys(compose.volumes)).to.deep.equal(['data'])
    const health = JSON.parse(/CMD (.*)$/.exec(last('HEALTHCHECK'))![1]!) as string[]
    expect(service['healthcheck'].test).to.deep.equal(['CMD', ...health])
  })

  it('give a stop longer than the broker may take', () => {
    expect(Number.parseInt(service['stop_grace_period'] as string) * 1000).to.be.greaterThan(
      brokerConfigOf().shutdownTimeoutMs,
    )
  })
})
