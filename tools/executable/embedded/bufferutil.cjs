/**
 * In the single executable: takes the place of the package bufferutil. Without it ws masks frames in JavaScript.
 * Runs on: main.
 */
module.exports = require('./assets.cjs').loadNative('bufferutil')
