/**
 * The arguments of a broker that nothing but itself is asked of.
 * Runs on: main. Touches: nothing.
 */

export interface PlainBroker {
  readonly configFile: string | undefined
}

/** Undefined: anything else, mistakes too; the whole command line has to look at it. */
export function plainBrokerOf(argv: readonly string[]): PlainBroker | undefined {
  if (argv[0] !== 'broker') return undefined
  if (argv.length === 1) return { configFile: undefined }
  const [, option = '', value = ''] = argv
  if (argv.length === 2) return option.startsWith('--config=') ? withFile(option.slice('--config='.length)) : undefined
  return argv.length === 3 && (option === '--config' || option === '-c') ? withFile(value) : undefined
}

function withFile(configFile: string): PlainBroker | undefined {
  return configFile === '' || configFile.startsWith('-') ? undefined : { configFile }
}
