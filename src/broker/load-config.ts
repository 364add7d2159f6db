/**
 * Reads a broker's configuration: defaults, then the YAML file, then the environment, then overrides.
 * Runs on: main, the command line. Touches: the configuration file, the environment.
 * All errors are found in one go; each names file, line, column, value and what was expected.
 */
import type { BrokerConfig } from '../../native-free-core/config/broker-config.js'
import { readConfigFile } from './config-file.js'
import {
  combine,
  environmentLayer,
  type Layer,
  type LoadedConfig,
  optionLayer,
  readSurroundings,
  type Values,
  withUnit,
} from './config-layers.js'
import type { ConfigProblem } from './config-problems.js'
import type { Variables } from './config-variables.js'

/** Throws INVALID_CONFIG with every problem. `overrides` come from the command line or a caller. */
export function loadConfig(
  file: string | undefined,
  environment: Variables,
  overrides: Partial<BrokerConfig> = {},
): BrokerConfig {
  return readConfig(file, environment, overrides).config
}

/** The same, with where each value came from. */
export function readConfig(
  file: string | undefined,
  environment: Variables,
  overrides: Partial<BrokerConfig> = {},
): LoadedConfig {
  if (file === undefined) return readSurroundings(environment, overrides)
  const problems: ConfigProblem[] = []
  const layers = [fileLayer(file, problems), environmentLayer(environment, problems), optionLayer(overrides)]
  return combine(file, layers, problems)
}

function fileLayer(file: string, problems: ConfigProblem[]): Layer {
  const { values, problems: found, placeOf } = readConfigFile(file)
  problems.push(...found)
  const withUnits = Object.entries(values).map(([key, value]) => [key, withUnit(key, value)])
  return { layer: 'file', values: Object.fromEntries(withUnits) as Values, placeOf }
}
