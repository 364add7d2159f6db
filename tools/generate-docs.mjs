/**
 * Writes the reference pages in docs/ from the tables in native-free-core: errors, configuration, metrics and protocol
 * messages. `--check` writes nothing and fails if a page differs from its table. Needs a fresh build/ (npm run docs).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Each page, the module of its table (below native-free-core), and how it is made from it. */
export const pages = {
  'docs/errors.md': { table: 'errors/error-table', render: renderErrors },
  'docs/configuration.md': { table: 'config/broker-config', also: 'config/topic-config', render: renderConfiguration },
  'docs/metrics.md': { table: 'metrics/metric-table', render: renderMetrics },
  'docs/protocol-messages.md': { table: 'protocol/message-table', render: renderMessages },
}

const generatedNote = (table) =>
  `<!-- Written by \`npm run docs\` from native-free-core/${table}.ts. Change the table, not this page. -->`

/** @returns {Promise<string>} the text that a page should have */
export async function renderPage(path) {
  const { table, also, render } = pages[path]
  const tables = await loadTable(table)
  const text = render(also === undefined ? tables : { ...tables, ...(await loadTable(also)) })
  return `${generatedNote(table)}\n\n${text.trimEnd()}\n`
}

function loadTable(name) {
  return import(pathToFileURL(join(root, 'build/native-free-core', `${name}.js`)).href)
}

function renderErrors({ errorRows }) {
  const rows = Object.entries(errorRows).sort(([, a], [, b]) => a.code - b.code)
  return [
    '# Errors',
    '',
    'Every error has a name, a code (on the wire and in `StreamBusError.code`) and a message that gives the value and',
    'the remedy. Codes below 1000 are those of Apache Kafka, with the same meaning; those from 1000 are ours.',
    '*Retriable* says whether the same request can succeed later without a change.',
    '',
    '| Code | Name | Retriable | HTTP | Meaning | What to do |',
    '|---:|---|---|---:|---|---|',
    ...rows.map(([name, row]) =>
      cells([row.code, `\`${name}\``, yesNo(row.retriable), row.http, row.meaning, row.remedy]),
    ),
  ].join('\n')
}

function renderConfiguration({ brokerConfigRows, topicConfigRows }) {
  return [
    '# Configuration',
    '',
    '## Broker',
    '',
    "Keys of the broker's configuration file (`config/broker.yaml`). A key that is left out has its default.",
    'Every change takes effect at the next start unless the row says *no* under *Restart*.',
    '',
    ...configTable(brokerConfigRows),
    '',
    '## Topics',
    '',
    'Entries of one topic, given when it is created or altered later. Where Apache Kafka has an entry of the same',
    "name, the meaning, unit and default are Kafka's.",
    '',
    ...configTable(topicConfigRows),
  ].join('\n')
}

function configTable(rows) {
  return [
    '| Key | Default | Accepts | Restart | Meaning |',
    '|---|---|---|---|---|',
    ...Object.entries(rows).map(([key, row]) =>
      cells([`\`${key}\``, defaultText(row), acceptsText(row), yesNo(row.restart), row.description]),
    ),
  ]
}

function defaultText(row) {
  if (Array.isArray(row.defaultValue)) return row.defaultValue.length === 0 ? 'none' : row.defaultValue.join(', ')
  return `\`${row.defaultValue}\``
}

function acceptsText(row) {
  if (row.type === 'boolean') return '`true` or `false`'
  if (row.type === 'choice') return row.choices.map((word) => `\`${word}\``).join(', ')
  if (row.type === 'strings') return 'a list of texts'
  if (row.type !== 'integer') return 'a text'
  const unit = row.unit === undefined || row.unit === 'count' ? '' : ` ${row.unit}`
  return `${row.min} to ${row.max}${unit}`
}

function renderMetrics({ metricRows }) {
  return [
    '# Metrics',
    '',
    'What `GET /metrics` returns, in Prometheus text format.',
    '',
    '| Name | Type | Unit | Labels | Meaning |',
    '|---|---|---|---|---|',
    ...Object.entries(metricRows).map(([key, row]) =>
      cells([
        `\`${row.name ?? key}\``,
        row.type ?? '',
        row.unit ?? '',
        (row.labels ?? []).map((label) => `\`${label}\``).join(', '),
        row.help ?? row.description ?? row.meaning ?? row.about ?? '',
      ]),
    ),
  ].join('\n')
}

function renderMessages({ messageRows, structRows, protocolVersion }) {
  return [
    '# Protocol messages',
    '',
    `Every message of protocol version ${protocolVersion}. [protocol.md](protocol.md) explains framing, flags and the`,
    'order of messages. Fields lie one after another in the order given, without padding; integers are big-endian.',
    '`i64` is signed and refused beyond 2^53 - 1; `string` is UTF-8 after a `u16` length; `bytes` come after a `u32`',
    'length; `T[]` is a `u32` count and that many `T`.',
    '',
    '| Api | Message | Kind | Since | Right asked for | Meaning |',
    '|---:|---|---|---:|---|---|',
    ...Object.entries(messageRows).map(([name, row]) =>
      cells([row.api, `[${name}](#${name.toLowerCase()})`, row.kind, row.since, rightOf(row), row.about]),
    ),
    '',
    ...Object.entries(messageRows).flatMap(([name, row]) => messageSection(name, row)),
    '# Structures',
    '',
    ...Object.entries(structRows).flatMap(([name, fields]) => [`## ${name}`, '', ...fieldTable(fields), '']),
  ].join('\n')
}

function rightOf(row) {
  return row.operation === 'none' ? 'none' : `${row.operation} ${row.resource}`
}

function messageSection(name, row) {
  const errors = row.errors.map((error) => `\`${error}\``).join(', ')
  return [
    `## ${name}`,
    '',
    `Api ${row.api}, ${row.kind}. ${row.about}`,
    '',
    ...fieldTable(row.fields),
    '',
    ...(row.response === undefined ? [] : ['Response:', '', ...fieldTable(row.response), '']),
    ...(errors === '' ? [] : [`Errors: ${errors}.`, '']),
  ]
}

function fieldTable(fields) {
  if (fields.length === 0) return ['No fields.']
  return [
    '| Field | Type | Meaning |',
    '|---|---|---|',
    ...fields.map((f) => cells([`\`${f.name}\``, `\`${f.type}\``, f.about])),
  ]
}

function yesNo(value) {
  return value ? 'yes' : 'no'
}

/** One row of a Markdown table; a bar within a cell is escaped. */
function cells(values) {
  return `| ${values.map((value) => String(value).replaceAll('|', '\\|')).join(' | ')} |`
}

async function main(isCheck) {
  for (const [path, { table }] of Object.entries(pages)) {
    if (!existsSync(join(root, 'native-free-core', `${table}.ts`))) {
      console.log(`docs: native-free-core/${table}.ts does not exist yet: ${path} is left out`)
      continue
    }
    const wanted = await renderPage(path)
    const present = existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : ''
    if (wanted === present) continue
    if (isCheck) {
      console.error(`docs: ${path} differs from its table: run npm run docs`)
      process.exitCode = 1
      continue
    }
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), wanted)
    console.log(`docs: wrote ${path}`)
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv.includes('--check'))
