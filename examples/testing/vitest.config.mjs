/**
 * Which files vitest runs here; their names are those of this folder, so that mocha's are left to mocha.
 */
import { fileURLToPath } from 'node:url'

export default { test: { root: fileURLToPath(new URL('.', import.meta.url)), include: ['*.vitest.mjs'] } }
