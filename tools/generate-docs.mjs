/**
 * Writes the reference pages in docs/ from the tables in native-free-core: errors, configuration, metrics and protocol
 * messages. `--check` writes nothing and fails if a page differs from its table. Needs a fresh build/ (npm run docs).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Each page, the module of its table (below native-free-core), and how it is made from it. */
export const pages = {
  'docs/errors.md': { table: 'errors/error-table', render: renderErrors },
  'docs/configuration.md': {
    table: 'config/broker-config',
    also: ['config/topic-config', 'config/config-row'],
    render: renderConfiguration,
  },
  'docs/metrics.md': { table: 'metrics/metric-table', render: renderMetrics },
  'docs/protocol-messages.md': { table: 'protocol/message-table', render: renderMessages },
  'docs/bench-profile.md': {
    table: '../src/bench/slo/profile-table',
    also: ['../src/bench/slo/profile-values'],
    render: renderProfile,
  },
  'bench/profiles/profile.schema.json': { table: '../src/bench/slo/profile-schema', render: renderProfileSchema },
}

const sourceOf = (table) => `${posix.join('native-free-core', table)}.ts`

const generatedNote = (table) =>
  `<!-- Written by \`npm run docs\` from ${sourceOf(table)}. Change the table, not this page. -->`

/** @returns {Promise<string>} the text that a page should have */
export async function renderPage(path) {
  const { table, also = [], render } = pages[path]
  const tables = await Promise.all([table, ...also].map(loadTable))
  const text = render(Object.assign({}, ...tables))
  return path.endsWith('.json') ? text : `${generatedNote(table)}\n\n${text.trimEnd()}\n`
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

function renderConfiguration({ brokerConfigRows, topicConfigRows, quantityExpectationOf, valueText }) {
  const inUnits = {
    defaultOf: (row) => valueText(row.defaultValue, row),
    rangeOf: (row) => quantityExpectationOf(row).replace(/^.*\((.*)\)$/, '$1'),
  }
  const plain = {
    defaultOf: (row) => String(row.defaultValue),
    rangeOf: (row) => `${row.min} to ${row.max}${row.unit === undefined || row.unit === 'count' ? '' : ` ${row.unit}`}`,
  }
  return [
    '# Configuration',
    '',
    'A broker takes its settings from the defaults, then from its file (`broker --config FILE`), then from the',
    'environment, each over the one before. An unknown key or variable and a value out of range stop the start, told',
    'with file, line and column; all mistakes are told at once.',
    '',
    '```sh',
    'streambus config check config/broker.yaml      # every mistake of a file and the environment',
    'streambus config print config/broker.yaml      # each value, and where it came from',
    'streambus config print --defaults              # every key, explained: to begin a file with',
    'streambus config explain maxConnections        # one key',
    '```',
    '',
    'Sizes and durations take a unit, in the file, in the environment and on the command line: `KiB`, `MiB`, `GiB`,',
    '`TiB` (1024 each), `kB`, `MB`, `GB`, `TB` (1000 each), `B`; `ms`, `s`, `m`, `h`, `d`. A plain number is bytes or',
    'milliseconds. A letter alone (`64M`) is refused: it means two things.',
    '',
    '## Broker',
    '',
    'The key `dataFolder` is the variable `STREAMBUS_DATA_FOLDER`; a list has commas between its texts there. A',
    "`STREAMBUS_` variable that is no key and none of the command line's is refused; those that Kubernetes sets for a",
    'service called "streambus" are not looked at.',
    '',
    'Every change takes effect at the next start unless the row says *no* under *Restart*.',
    '',
    ...configTable(brokerConfigRows, inUnits),
    '',
    '## Topics',
    '',
    'Entries of one topic, given when it is created or altered later; they take units too. Where Apache Kafka has an',
    "entry of the same name, the meaning, unit and default are Kafka's.",
    '',
    ...configTable(topicConfigRows, plain),
  ].join('\n')
}

function configTable(rows, texts) {
  return [
    '| Key | Default | Accepts | Restart | Meaning |',
    '|---|---|---|---|---|',
    ...Object.entries(rows).map(([key, row]) =>
      cells([`\`${key}\``, defaultText(row, texts), acceptsText(row, texts), yesNo(row.restart), row.description]),
    ),
  ]
}

function defaultText(row, { defaultOf }) {
  const text = defaultOf(row)
  return text === '' ? 'none' : `\`${text}\``
}

function acceptsText(row, { rangeOf }) {
  if (row.type === 'boolean') return '`true` or `false`'
  if (row.type === 'choice') return row.choices.map((word) => `\`${word}\``).join(', ')
  if (row.type === 'strings') return 'a list of texts'
  return row.type === 'integer' ? rangeOf(row) : 'a text'
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

function renderProfile({ loadRows, profileRows, profileParts, timingRows, plainFigures, percentileKeys, ...values }) {
  const { expectationOf, boundWords, latencyAbouts } = values
  const rowsTable = (rows) => [
    '| Key | Default | Accepts | Meaning |',
    '|---|---|---|---|',
    ...Object.entries(rows).map(([key, row]) => {
      const given = row.defaultValue === undefined || row.defaultValue === '' ? 'none' : `\`${row.defaultValue}\``
      return cells([`\`${key}\``, row.isRequired ? 'required' : given, expectationOf(row), row.about])
    }),
  ]
  return [
    '# Profiles of `bench slo`',
    '',
    'A profile is a YAML file with loads and what is to hold of each; [bench-slo.md](bench-slo.md) begins with one.',
    'Every mistake is told at once, with file, line, column and what was expected. For editors there is',
    '`bench/profiles/profile.schema.json`: they complete and check a file that begins with',
    '`# yaml-language-server: $schema=PATH`.',
    '',
    'Times are plain numbers in the unit named, or have one: `500us`, `2ms`, `5s`, `2m`. Sizes take `B`, `KiB`, `MiB`,',
    '`kB`, `MB` and so on.',
    '',
    '## The file',
    '',
    ...rowsTable(profileRows),
    '',
    ...Object.entries(profileParts).map(([key, about]) => `- \`${key}\`: ${about}`),
    '',
    '## A load',
    '',
    `Besides these, \`objectives\`, and ${Object.keys(timingRows)
      .map((key) => `\`${key}\``)
      .join(', ')} in place of the file's.`,
    '',
    ...rowsTable(loadRows),
    '',
    '## Objectives',
    '',
    'A figure and its bound. The median of the runs is judged; what must never happen by the worst run. Records lost,',
    'duplicated, out of order or refused are objectives of every load that measures them, with the bound 0, whether',
    'the profile says so or not. A figure that no run has is *not measured*, which is not held.',
    '',
    '| Figure | Holds when it is | Accepts | Judged by | Meaning |',
    '|---|---|---|---|---|',
    ...plainFigures.map(({ id, wanted, unit, judgedBy, about }) =>
      cells([`\`${id}\``, wanted, boundWords(unit), judgedBy, about]),
    ),
    '',
    `Latencies stand below their kind, as \`produce: { p50: 1ms, p99: 5ms }\`, with ${percentileKeys
      .map((key) => `\`${key}\``)
      .join(', ')}: each at most that, judged by the median.`,
    '',
    '| Kind | Loads that have it | Meaning |',
    '|---|---|---|',
    ...latencyAbouts.map(({ id, about, kinds }) =>
      cells([`\`${id}\``, kinds.map((kind) => `\`${kind}\``).join(', '), about]),
    ),
  ].join('\n')
}

function renderProfileSchema({ profileSchema }) {
  const note = 'Written by npm run docs from src/bench/slo/profile-table.ts. Change the table, not this file.'
  return `${JSON.stringify({ $comment: note, ...profileSchema() }, undefined, 2)}\n`
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
