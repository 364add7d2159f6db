/**
 * The packages that this tree makes, and where their declarations come from.
 */
/**
 * @typedef {{ source: string, types: string }} Entry a source file and the declarations made from it
 * @typedef {{ name: string, folder: string, entries: Entry[] }} Package `folder` is what npm packs
 */

/** @type {Package[]} */
export const packages = [
  {
    name: 'streambus',
    folder: '.',
    entries: [{ source: 'src/index.ts', types: 'dist/index.d.ts' }],
  },
  {
    name: 'streambus-client',
    folder: 'packages/streambus-client',
    // One file serves both entries: they offer the same.
    entries: [
      { source: 'src/client/index.ts', types: 'packages/streambus-client/dist/index.d.ts' },
      { source: 'src/client/browser.ts', types: 'packages/streambus-client/dist/index.d.ts' },
    ],
  },
]
