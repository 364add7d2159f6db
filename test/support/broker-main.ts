/**
 * A broker with its whole process around it: what `streambus broker` runs, over a disk module where one is named.
 * Runs on: a child process of a test; its arguments are the configuration file and the disk module.
 */
import { runBroker } from '../../src/broker/run-broker.js'

const [configFile, diskModule] = process.argv.slice(2)
process.exitCode = await runBroker({ configFile, ...(diskModule === undefined ? {} : { diskModule }) })
