/**
 * The package `streambus`: what programs import.
 * Runs on: main thread of the program that imports it. Touches: nothing.
 */
export * from './client/index.js'
