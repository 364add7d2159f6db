/**
 * Reads a profile, and changes it as the command line wants.
 * Runs on: main. Touches: the file.
 */
import { configFileOf, readConfigFile, type ConfigFile } from '../../broker/config-file.js'
import { ConfigError, type ConfigProblem } from '../../broker/config-problems.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { figureOf } from './figures.js'
import type { Bound, Profile, ProfileChanges, ProfileLoad } from './profile.js'
import { checkProfile } from './profile-check.js'

const remedy = 'docs/bench-profile.md tells every key of a profile.'

/** Throws INVALID_CONFIG with every problem. */
export function readProfile(path: string): Profile {
  return profileOf(readConfigFile(path, `Name a profile with --profile FILE. ${remedy}`), path)
}

/** The same of a text that stands in `path`. */
export function parseProfile(text: string, path: string): Profile {
  return profileOf(configFileOf(path, text), path)
}

function profileOf(file: ConfigFile, path: string): Profile {
  const problems: ConfigProblem[] = [...file.problems]
  const profile = problems.length > 0 ? undefined : checkProfile(file, path, problems)
  if (profile === undefined || problems.length > 0) throw new ConfigError(inOrder(problems), remedy)
  return profile
}

/** As they stand in the file; what is nowhere in it comes last. */
function inOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const rank = ({ excerpt }: ConfigProblem): number => (excerpt?.line ?? 1e9) * 1e6 + (excerpt?.column ?? 0)
  return [...problems].sort((one, other) => rank(one) - rank(other))
}

/** Throws USAGE when no load is left. */
export function changed(profile: Profile, changes: ProfileChanges): Profile {
  const { only, loosen = 1 } = changes
  const wanted = only?.toLowerCase()
  const loads = profile.loads.filter(({ name }) => wanted === undefined || name.toLowerCase().includes(wanted))
  if (loads.length === 0) {
    throw new StreamBusError('USAGE', `no load of ${profile.file} has "${only}" in its name`, {
      remedy: `They are called ${profile.loads.map(({ name }) => `"${name}"`).join(', ')}.`,
    })
  }
  const change = (load: ProfileLoad): ProfileLoad => ({
    ...load,
    seconds: changes.seconds ?? load.seconds,
    warmUpSeconds: changes.warmUp ?? load.warmUpSeconds,
    repeat: changes.repeat ?? load.repeat,
    bounds: load.bounds.map((bound) => loosened(bound, loosen)),
  })
  return { ...profile, loads: loads.map(change) }
}

/** What must never happen stays so. */
export function loosened({ figure, bound }: Bound, factor: number): Bound {
  const { wanted, judgedBy } = figureOf(figure)!
  if (judgedBy === 'worst') return { figure, bound }
  return { figure, bound: wanted === 'at most' ? bound * factor : bound / factor }
}
