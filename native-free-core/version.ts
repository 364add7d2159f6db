/**
 * The release of this code; a test holds it to package.json.
 * Runs on: every thread, and browsers. Touches: nothing.
 */
export const releaseVersion = '0.4.2'
