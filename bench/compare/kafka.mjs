/**
 * Apache Kafka as a peer: one broker from the jars that Maven fetches, driven by Kafka's own tools and client. Topics
 * named `synced-*` have flush.messages=1: each append is on disk before its acknowledgement. Kafka's default is not.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, runTool, ServerProcess } from './processes.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const collector = ['-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-Djava.awt.headless=true']
const batches = ['batch.size=262144', 'linger.ms=5', 'acks=all']
/** Not counted: the tool's own code is compiled while they are sent. */
const warmShare = 0.4

export async function fetchKafka(folder) {
  const jars = join(folder, 'libs')
  if (!existsSync(jars) || !readdirSync(jars).some((name) => name.startsWith('kafka-tools-'))) {
    mkdirSync(folder, { recursive: true })
    copyFileSync(join(here, '../../test/compat/kafka/pom.xml'), join(folder, 'pom.xml'))
    const args = ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=libs', '-DincludeScope=runtime']
    await runTool('mvn', args, { cwd: folder })
  }
  return jars
}

export class Kafka {
  static async start(jars, folder) {
    const [port, controllerPort] = [await freePort(), await freePort()]
    const config = join(folder, 'kafka.properties')
    writeFileSync(config, propertiesOf(port, controllerPort, join(folder, 'kafka-data')))
    const classpath = `${jars}/*`
    const tool = ['-cp', classpath, 'kafka.tools.StorageTool']
    const id = (await runTool('java', [...tool, 'random-uuid'])).trim().split('\n').at(-1)
    await runTool('java', [...tool, 'format', '--standalone', '-t', id, '-c', config])
    const args = [...collector, '-Xmx1G', '-Xms1G', '-cp', classpath, 'kafka.Kafka', config]
    const server = await ServerProcess.start('java', args, port, { cwd: folder })
    return new Kafka(server, classpath, `127.0.0.1:${port}`, folder)
  }

  constructor(server, classpath, address, folder) {
    this.server = server
    this.classpath = classpath
    this.address = address
    this.folder = folder
  }

  run(className, args) {
    const jvm = [...collector, '-Xmx512M', '-cp', this.classpath]
    return runTool('java', [...jvm, className, ...args.map(String)], { cwd: this.folder })
  }

  async createTopic(name) {
    const synced = name.startsWith('synced-') ? ['--config', 'flush.messages=1'] : []
    const what = ['--create', '--topic', name, '--partitions', 1, '--replication-factor', 1, ...synced]
    await this.run('org.apache.kafka.tools.TopicCommand', ['--bootstrap-server', this.address, ...what])
  }

  /** Records a second after the warm-up, as Kafka's own tool counts. */
  async produce(topic, recordBytes, recordCount) {
    await this.createTopic(topic)
    const before = this.server.cpuSeconds()
    const load = ['--topic', topic, '--num-records', recordCount, '--throughput', -1]
    const payload = ['--bootstrap-server', this.address, '--payload-file', this.payloadFile(recordBytes)]
    const warmUp = ['--warmup-records', Math.round(recordCount * warmShare), '--reporting-interval', 60_000]
    const args = [...load, ...payload, ...warmUp, '--command-property', ...batches]
    const out = await this.run('org.apache.kafka.tools.ProducerPerformance', args)
    const steady = out.split('\n').find((line) => line.includes('steady state')) ?? ''
    const recordsPerSecond = Number(/([\d.]+) records\/sec/.exec(steady)?.[1])
    if (!(recordsPerSecond > 0)) throw new Error(`Kafka's tool says no rate: ${out.slice(-500)}`)
    return { recordsPerSecond, cpuSecondsPerMillion: ((this.server.cpuSeconds() - before) / recordCount) * 1e6 }
  }

  /** The tool picks a line for each record; making each of random bytes costs it more than sending does. */
  payloadFile(recordBytes) {
    const file = join(this.folder, `payload-${recordBytes}.txt`)
    const line = () => Array.from({ length: recordBytes }, () => String.fromCharCode(97 + Math.random() * 26)).join('')
    if (!existsSync(file)) writeFileSync(file, Array.from({ length: 2000 }, line).join('\n'))
    return file
  }

  async consume(topic, recordCount) {
    const args = ['--bootstrap-server', this.address, '--topic', topic, '--num-records', recordCount]
    const quiet = ['--reporting-interval', 60_000, '--timeout', 60_000]
    const out = await this.run('org.apache.kafka.tools.ConsumerPerformance', [...args, ...quiet])
    // start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms, fetch MB/s, fetch records/s
    const fields = out.trim().split('\n').at(-1).split(', ')
    return { recordsPerSecond: Number(fields.at(-1)) }
  }

  /** Latency from when a record was due. */
  async fixedRate(topic, rate, recordBytes, seconds) {
    await this.createTopic(topic)
    const args = [this.address, topic, rate, 5, seconds, recordBytes]
    return JSON.parse((await this.run(join(here, 'FixedRate.java'), args)).trim().split('\n').at(-1))
  }
}

function propertiesOf(port, controllerPort, dataFolder) {
  return `process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=${dataFolder}
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
`
}
