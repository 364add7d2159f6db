/**
 * Fetches Kafka's jars once, with Maven, and runs Kafka's own programs.
 * Runs on: the test process. Touches: a cache folder, STREAMBUS_KAFKA_JARS (reads; a folder of jars to use instead).
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = join(tmpdir(), 'streambus-kafka-jars')

/** Why Kafka's tools can't be run here, or undefined. */
export function missingForKafka(): string | undefined {
  for (const [program, flag] of [
    ['java', '-version'],
    ['mvn', '--version'],
  ] as const) {
    if (program === 'mvn' && process.env['STREAMBUS_KAFKA_JARS'] !== undefined) continue
    if (spawnSync(program, [flag]).status !== 0) return `${program} is not installed (apt install default-jdk maven)`
  }
  return undefined
}

/** The folder of the jars. */
export function kafkaJars(): string {
  const given = process.env['STREAMBUS_KAFKA_JARS']
  if (given !== undefined) return given
  const jars = join(folder, 'libs')
  if (existsSync(jars) && readdirSync(jars).some((name) => name.startsWith('kafka-tools-'))) return jars
  mkdirSync(folder, { recursive: true })
  copyFileSync('test/compat/kafka/pom.xml', join(folder, 'pom.xml'))
  const args = ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=libs', '-DincludeScope=runtime']
  const { status, stderr, stdout } = spawnSync('mvn', args, { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(`Maven could not fetch Kafka's jars: ${stdout}${stderr}`)
  return jars
}

/** Runs a class of Kafka's; returns what it prints, with its complaints (stderr) at the end, or throws with it. */
export function runKafka(className: string, args: readonly string[]): string {
  const command = ['-Xmx256M', '-cp', `${kafkaJars()}/*`, className, ...args]
  const { status, stdout, stderr } = spawnSync('java', command, { encoding: 'utf8', maxBuffer: 1 << 28 })
  if (status !== 0) throw new Error(`${className} ${args.join(' ')} ended with ${status}: ${stdout}${stderr}`)
  return stdout + stderr.replaceAll(/^SLF4J.*\n/gm, '')
}
