/**
 * The JSON schema of profiles, for editors: made from the rows that check them. What spans several keys, and the
 * nearest key of a misspelt one, only `bench slo` itself tells.
 * Runs on: main. Touches: nothing.
 */
import { type Figure, figures, latencyKinds } from './figures.js'
import {
  latencyKeys,
  loadRows,
  percentileKeys,
  plainFigures,
  profileParts,
  type ProfileRow,
  profileRows,
  type Rows,
  timingRows,
} from './profile-table.js'
import { boundWords } from './profile-values.js'

type Schema = Readonly<Record<string, unknown>>

const timePattern = '^\\d+(\\.\\d+)? ?(us|ms|s|m|h)$'
const sizePattern = '^\\d+(\\.\\d+)? ?(B|[kKMGT]i?B)$'

function schemaOf(row: ProfileRow): Schema {
  const { min, max, about: description, defaultValue } = row
  const about = { description, ...(defaultValue === undefined || defaultValue === '' ? {} : { default: defaultValue }) }
  switch (row.type) {
    case 'text':
      return { type: 'string', minLength: 1, ...about }
    case 'switch':
      return { type: 'boolean', ...about }
    case 'choice':
      return { enum: row.choices, ...about }
    case 'number':
      return { type: 'number', minimum: min, maximum: max, ...about }
    case 'count':
      return { type: 'integer', minimum: min, maximum: max, ...about }
    case 'time':
      return { oneOf: [{ type: 'number', minimum: min, maximum: max }, text(timePattern)], ...about }
    case 'size': {
      const forms = [text(sizePattern), ...(row.orText === undefined ? [] : [text(row.orText.form.source)])]
      return { anyOf: [{ type: 'integer', minimum: min, maximum: max }, ...forms], ...about }
    }
  }
}

function text(pattern: string): Schema {
  return { type: 'string', pattern }
}

function object(properties: Readonly<Record<string, Schema>>, more: Schema = {}): Schema {
  return { type: 'object', additionalProperties: false, properties, ...more }
}

function rowsSchema(rows: Rows): Record<string, Schema> {
  return Object.fromEntries(Object.entries(rows).map(([key, row]) => [key, schemaOf(row)]))
}

function boundSchema({ unit, wanted, about }: Pick<Figure, 'unit' | 'wanted' | 'about'>): Schema {
  const description = `${about} Holds when it is ${wanted} this: ${boundWords(unit)}.`
  const number = { type: 'number', minimum: 0 }
  if (unit !== 'ms' && unit !== 'MiB') return { ...number, description }
  return { oneOf: [number, text(unit === 'ms' ? timePattern : sizePattern)], description }
}

function objectives(): Schema {
  const plain = plainFigures.map((figure) => [figure.id, boundSchema(figure)] as const)
  const latencies = latencyKeys.map((kind) => {
    const bounds = percentileKeys.map((key) => {
      const figure = figures.find(({ id }) => id === `${kind}.${key}`)!
      return [key, boundSchema(figure)] as const
    })
    const { about } = latencyKinds.find(({ id }) => id === kind)!
    return [kind, object(Object.fromEntries(bounds), { description: about })] as const
  })
  return object(Object.fromEntries([...plain, ...latencies]), {
    description: 'What is to hold of the runs of this load.',
  })
}

export function profileSchema(): Schema {
  const { name, ...shared } = loadRows
  const load = object(
    { name: schemaOf(name), ...rowsSchema(shared), ...rowsSchema(timingRows), objectives: objectives() },
    { required: ['name'] },
  )
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A profile of streambus bench slo',
    ...object(
      {
        ...rowsSchema(profileRows),
        defaults: object(rowsSchema(shared), { description: profileParts.defaults }),
        broker: { type: 'object', description: profileParts.broker },
        loads: { type: 'array', minItems: 1, items: load, description: profileParts.loads },
      },
      { required: ['loads'] },
    ),
  }
}
