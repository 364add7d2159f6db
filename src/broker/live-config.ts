/**
 * The configuration in force, and what may change it while the broker runs: AlterBrokerConfig, and a reload.
 * Runs on: main. Touches: the one object that everybody on main reads; those who keep a copy are told.
 * What is set while running holds until the next start, over what a reload reads.
 */
import {
  type BrokerConfig,
  type BrokerConfigKey,
  brokerConfigRows,
} from '../../native-free-core/config/broker-config.js'
import { type ConfigValue, hiddenValue, valueText } from '../../native-free-core/config/config-row.js'
import type {
  AlterBrokerConfigRequest,
  AlterBrokerConfigResponse,
  BrokerConfigEntry,
} from '../../native-free-core/protocol/codecs.generated.js'
import { ConfigError, type ConfigProblem } from './config-problems.js'
import { check, configKeys, type LoadedConfig, valueOfText } from './config-layers.js'
import type { Log } from './log-sink.js'

const setSource = 'set while running'
const note = 'in force now, until the next start; put it into the configuration file to keep it'

export class LiveConfig {
  /** Read it anew where it matters: its values change. */
  readonly config: BrokerConfig
  private loaded: LoadedConfig
  private readonly atStart: LoadedConfig
  private readonly running = new Map<BrokerConfigKey, ConfigValue>()
  private readonly log: Log
  private readonly listeners: ((config: BrokerConfig) => void)[] = []

  constructor(loaded: LoadedConfig, log: Log) {
    this.config = { ...loaded.config }
    this.loaded = loaded
    this.atStart = loaded
    this.log = log
  }

  /** Called after every change, with all values. */
  onChange(listener: (config: BrokerConfig) => void): void {
    this.listeners.push(listener)
  }

  /** Throws INVALID_CONFIG for a key that there is none of. */
  describe(keys: readonly string[]): BrokerConfigEntry[] {
    const problems: ConfigProblem[] = []
    const asked = Object.fromEntries(keys.map((key) => [key, undefined]))
    check(asked, () => ({ place: '' }), problems)
    if (problems.length > 0) throw new ConfigError(problems)
    return (keys.length === 0 ? configKeys : (keys as BrokerConfigKey[])).map((key) => this.entryOf(key))
  }

  private entryOf(key: BrokerConfigKey): BrokerConfigEntry {
    const row = brokerConfigRows[key]
    const value = this.config[key]
    const origins = row.restart ? this.atStart.origins : this.loaded.origins
    return {
      key,
      value: row.secret && value !== '' ? hiddenValue : plainText(value),
      source: this.running.has(key) ? setSource : origins[key].text,
      restart: row.restart,
    }
  }

  /** All keys, or none: throws INVALID_CONFIG with every problem. */
  alter({ configs, reset }: AlterBrokerConfigRequest, who: string): AlterBrokerConfigResponse {
    const given = Object.fromEntries(configs.map(({ name, value }) => [name, this.valueOf(name, value)]))
    const named = Object.fromEntries(reset.map((key) => [key, undefined]))
    const problems: ConfigProblem[] = []
    check({ ...named, ...given }, () => ({ place: '' }), problems)
    const known = [...Object.keys(given), ...reset].filter((key) => Object.hasOwn(brokerConfigRows, key))
    const keys = [...new Set(known as BrokerConfigKey[])]
    for (const key of keys) problems.push(...this.obstaclesOf(key))
    if (problems.length > 0) throw new ConfigError(problems)
    for (const key of reset as BrokerConfigKey[]) this.running.delete(key)
    for (const [key, value] of Object.entries(given)) this.running.set(key as BrokerConfigKey, value as ConfigValue)
    this.apply(keys, (text) => `${text}, ${reset.length > 0 ? 'by' : 'until the next start, by'} ${who}`)
    return { entries: keys.map((key) => this.entryOf(key)), note }
  }

  private valueOf(name: string, text: string): unknown {
    return Object.hasOwn(brokerConfigRows, name) ? valueOfText(text, brokerConfigRows[name as BrokerConfigKey]) : text
  }

  private obstaclesOf(key: BrokerConfigKey): ConfigProblem[] {
    if (brokerConfigRows[key].restart) {
      return [{ place: '', message: `${key} needs a restart: ${this.placeFor(key)}` }]
    }
    if (key === 'logLevel' && this.log.setLevel === undefined) {
      return [{ place: '', message: 'logLevel belongs to the program that the broker runs in' }]
    }
    return []
  }

  private placeFor(key: BrokerConfigKey): string {
    const { layer, text } = this.loaded.origins[key]
    if (layer === 'environment') return `change the variable ${text}`
    if (layer === 'option') return 'give it to startBroker()'
    return `put it into ${this.loaded.file ?? 'a configuration file (broker --config FILE)'}`
  }

  /** What was read again: applies what may change, and says what waits for a restart. */
  reload(loaded: LoadedConfig): void {
    const before = this.loaded.config
    this.loaded = loaded
    for (const key of configKeys) {
      const wanted = textOf(key, loaded.config[key])
      if (brokerConfigRows[key].restart) {
        const current = textOf(key, this.config[key])
        if (wanted !== current) {
          this.log.warn(
            `${key} is ${wanted} in ${loaded.origins[key].text}: that needs a restart; ${current} stays in force`,
          )
        }
      } else if (this.running.has(key) && wanted !== textOf(key, before[key])) {
        const current = textOf(key, this.config[key])
        this.log.warn(
          `${key} stays ${current}, which was set while running; ${loaded.origins[key].text} says ${wanted}`,
        )
      }
    }
    const changeable = configKeys.filter((key) => !brokerConfigRows[key].restart)
    this.apply(changeable, (text, key) => `${text}, from ${loaded.origins[key].text}`)
  }

  private apply(keys: readonly BrokerConfigKey[], sentence: (text: string, key: BrokerConfigKey) => string): void {
    const config = this.config as Record<BrokerConfigKey, unknown>
    let isChanged = false
    for (const key of keys) {
      const before = textOf(key, this.config[key])
      const value = this.running.get(key) ?? this.loaded.config[key]
      const after = textOf(key, value)
      if (before === after) continue
      isChanged = true
      config[key] = value
      this.log.info(sentence(`${key} is ${after} now (was ${before})`, key))
    }
    if (!isChanged) return
    this.log.setLevel?.(this.config.logLevel)
    for (const listener of this.listeners) listener(this.config)
  }
}

/** For programs: no units. */
function plainText(value: ConfigValue): string {
  return typeof value === 'object' ? value.join(',') : String(value)
}

function textOf(key: BrokerConfigKey, value: ConfigValue): string {
  const row = brokerConfigRows[key]
  const text = row.secret ? hiddenValue : valueText(value, row)
  return text === '' ? 'empty' : text
}
