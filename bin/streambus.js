#!/usr/bin/env node
/**
 * The commands `streambus` and `streambus-cli`. From an installed package it starts dist/cli.js; from a clone it first
 * installs and builds what is missing or out of date, and says so on stderr (stdout carries data only).
 */
import { refuseUnsuitableNode } from './node-version.js'

refuseUnsuitableNode()
runCommand()

async function runCommand() {
  const { existsSync } = await import('node:fs')
  const isClone = existsSync(new URL('../tools/prepare.mjs', import.meta.url))
  if (isClone) {
    const { prepare } = await import('../tools/prepare.mjs')
    prepare(['dist'])
  }
  const { main } = await import('../dist/cli.js')
  await main(process.argv.slice(2))
}
