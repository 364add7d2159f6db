/**
 * Makes a profile of what stands in its file, and finds every mistake in one go: unknown keys with the nearest known
 * one, wrong values with what was expected, each with its place.
 * Runs on: main. Touches: nothing.
 */
import type { BrokerConfig } from '../../../native-free-core/config/broker-config.js'
import type { ConfigFile, KeyPath } from '../../broker/config-file.js'
import { check as checkBrokerKeys, withUnit } from '../../broker/config-layers.js'
import type { ConfigProblem } from '../../broker/config-problems.js'
import { nearestOf } from '../../broker/nearest.js'
import type { LoadOptions } from '../load-options.js'
import type { Bound, Profile, ProfileLoad } from './profile.js'
import {
  latenciesOf,
  latencyKeys,
  loadParts,
  loadRows,
  percentileKeys,
  plainFigures,
  profileParts,
  type ProfileRow,
  profileRows,
  type Rows,
  timingRows,
} from './profile-table.js'
import { boundOf, boundWords, expectationOf, valueOf } from './profile-values.js'

type Path = readonly (string | number)[]
type Values = Readonly<Record<string, unknown>>

/** Keys that other loads have no use for. */
const onlyFor: Readonly<Record<string, readonly LoadOptions['kind'][]>> = {
  oneAtATime: ['e2e'],
  subscribers: ['fanout'],
  decode: ['consume'],
  fill: ['consume'],
}

/** Of `problems` nothing is thrown: they are added. */
export function checkProfile(file: ConfigFile, path: string, problems: ConfigProblem[]): Profile {
  return new Check(file, problems).profile(file.values, path)
}

class Check {
  private readonly file: ConfigFile
  private readonly problems: ConfigProblem[]

  constructor(file: ConfigFile, problems: ConfigProblem[]) {
    this.file = file
    this.problems = problems
  }

  profile(values: Values, path: string): Profile {
    this.unknownKeys([], values, [...Object.keys(profileRows), ...Object.keys(profileParts)])
    const own = this.values([], values, profileRows)
    const defaults = this.defaults(values['defaults'])
    const timing = Object.fromEntries(Object.keys(timingRows).map((key) => [key, own[key]]))
    const { calibrationMs } = own as { calibrationMs?: number }
    return {
      name: own['name'] === '' ? baseName(path) : String(own['name']),
      description: String(own['description']),
      file: path,
      ...(calibrationMs === undefined ? {} : { calibrationMs }),
      broker: this.broker(values['broker']),
      loads: this.loads(values['loads'], { ...timing, ...defaults }),
    }
  }

  /** What holds for all loads: none of it is required there. */
  private defaults(given: unknown): Values {
    if (given === undefined) return {}
    const values = this.map(['defaults'], given)
    const { name: _name, ...rows } = loadRows
    this.unknownKeys(['defaults'], values, Object.keys(rows))
    return this.given(['defaults'], values, rows)
  }

  private broker(given: unknown): Partial<BrokerConfig> {
    if (given === undefined) return {}
    const values = this.map(['broker'], given)
    const entries = Object.entries(values).map(([key, value]) => [key, withUnit(key, value)] as const)
    const config = Object.fromEntries(entries)
    checkBrokerKeys(config, (key, part) => this.file.placeOf(['broker', key], part), this.problems)
    for (const key of ['dataFolder', 'port'].filter((chosen) => chosen in values)) {
      this.problem(['broker', key], 'key', `${key} is chosen for the broker of a run`, 'leave it out')
    }
    return config as Partial<BrokerConfig>
  }

  private loads(given: unknown, defaults: Values): ProfileLoad[] {
    if (!Array.isArray(given) || given.length === 0) {
      const words = given === undefined ? 'loads is missing' : 'loads holds none'
      this.problem(['loads'], 'value', words, 'expected a list of loads, at least one')
      return []
    }
    const names = new Set<string>()
    return given.map((one, index) => {
      const load = this.load(['loads', index], this.map(['loads', index], one), defaults)
      if (load.name !== '' && names.has(load.name)) {
        const message = `two loads are called ${JSON.stringify(load.name)}`
        this.problem(['loads', index, 'name'], 'value', message, 'expected a name of its own')
      }
      names.add(load.name)
      return load
    })
  }

  private load(path: Path, values: Values, defaults: Values): ProfileLoad {
    this.unknownKeys(path, values, [...Object.keys(loadRows), ...loadParts])
    const own = this.values(path, values, { ...loadRows, ...timingRows }, defaults)
    const { name, warmUp, seconds, repeat, linger, step, maxLateness, ...rest } = own
    const options = {
      ...rest,
      ...(linger === undefined ? {} : { lingerMs: linger }),
      ...(step === undefined ? {} : { stepMs: step }),
      ...(maxLateness === undefined ? {} : { maxLatenessMs: maxLateness }),
    } as unknown as LoadOptions
    this.contradictions(path, values, own, options.kind)
    const objectives = values['objectives']
    return {
      name: typeof name === 'string' ? name : '',
      options,
      warmUpSeconds: Number(warmUp),
      seconds: Number(seconds),
      repeat: Number(repeat),
      bounds: objectives === undefined ? [] : this.bounds([...path, 'objectives'], objectives, options),
    }
  }

  /** What single rows can't say. */
  private contradictions(path: Path, values: Values, own: Values, kind: LoadOptions['kind']): void {
    for (const [key, kinds] of Object.entries(onlyFor)) {
      if (!(key in values) || kind === undefined || kinds.includes(kind)) continue
      this.problem([...path, key], 'key', `${key} is not for a load of kind ${kind}`, `it is for ${kinds.join(', ')}`)
    }
    if (own['oneAtATime'] === true && 'rate' in values) {
      this.problem([...path, 'rate'], 'key', 'rate and oneAtATime contradict each other', 'leave one of them out')
    }
  }

  private bounds(path: Path, given: unknown, { kind }: LoadOptions): Bound[] {
    const values = this.map(path, given)
    this.unknownKeys(path, values, [...plainFigures.map(({ id }) => id), ...latencyKeys])
    const bounds: Bound[] = []
    for (const { id, unit } of plainFigures) {
      if (id in values) this.bound([...path, id], id, values[id], unit, bounds)
    }
    for (const latency of latencyKeys.filter((key) => key in values)) {
      const at = [...path, latency]
      const known: readonly string[] | undefined = latenciesOf[kind]
      if (known !== undefined && !known.includes(latency)) {
        const can = known.join(', ')
        const words = can === '' ? 'it measures no latencies' : `it measures ${can}`
        this.problem(at, 'key', `${latency} is not measured by a load of kind ${kind}`, words)
      }
      const figures = this.map(at, values[latency])
      this.unknownKeys(at, figures, percentileKeys)
      for (const percentile of percentileKeys.filter((key) => key in figures)) {
        this.bound([...at, percentile], `${latency}.${percentile}`, figures[percentile], 'ms', bounds)
      }
    }
    return bounds
  }

  private bound(
    path: Path,
    figure: string,
    given: unknown,
    unit: Parameters<typeof boundOf>[1],
    bounds: Bound[],
  ): void {
    const bound = boundOf(given, unit)
    if (bound === undefined) this.wrong(path, given, boundWords(unit))
    else bounds.push({ figure, bound })
  }

  /** Every row's value: what is given, else what holds for all, else the row's own. */
  private values(path: Path, given: Values, rows: Rows, defaults: Values = {}): Record<string, unknown> {
    const found: Record<string, unknown> = {}
    for (const [key, row] of Object.entries(rows)) {
      const value = (key in given ? this.value([...path, key], given[key], row) : undefined) ?? defaults[key]
      if (value !== undefined) found[key] = value
      else if (row.defaultValue !== undefined) found[key] = row.defaultValue
      else if (row.isRequired === true && !(key in given)) {
        this.problem(path, 'value', `${key} is missing`, `expected ${key}: ${expectationOf(row)}`)
      }
    }
    return found
  }

  private given(path: Path, values: Values, rows: Rows): Values {
    const keys = Object.keys(rows).filter((key) => key in values)
    const entries = keys.map((key) => [key, this.value([...path, key], values[key], rows[key]!)] as const)
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
  }

  private value(path: Path, given: unknown, row: ProfileRow): unknown {
    const value = valueOf(given, row)
    if (value === undefined) this.wrong(path, given, expectationOf(row))
    return value
  }

  private map(path: Path, given: unknown): Values {
    if (typeof given === 'object' && given !== null && !Array.isArray(given)) return given as Values
    this.wrong(path, given, 'lines of the form "key: value" below it')
    return {}
  }

  private unknownKeys(path: Path, values: Values, known: readonly string[]): void {
    for (const key of Object.keys(values).filter((name) => !known.includes(name))) {
      const near = nearestOf(key, known)
      const label = near === undefined ? `expected one of ${known.join(', ')}` : `did you mean ${near}?`
      this.problem([...path, key], 'key', `${nameOf([...path, key])} is unknown`, label)
    }
  }

  private wrong(path: Path, given: unknown, expected: string): void {
    this.problem(path, 'value', `${nameOf(path)} is ${shown(given)}`, `expected ${expected}`)
  }

  private problem(path: KeyPath, part: 'key' | 'value', message: string, label: string): void {
    this.problems.push({ ...this.file.placeOf(path, part), message: `${message}; ${label}`, label })
  }
}

const longestShown = 80

function shown(given: unknown): string {
  const text = JSON.stringify(given) ?? 'nothing'
  return text.length > longestShown ? `${text.slice(0, longestShown)}...` : text
}

/** `loads[2].objectives.produce.p99` */
function nameOf(path: Path): string {
  return path.map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${part}`)).join('')
}

function baseName(path: string): string {
  return path.replace(/^.*[\\/]/, '').replace(/\.ya?ml$/i, '')
}
