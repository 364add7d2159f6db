/**
 * Packages whose code goes into the bundles of the broker and its command line: as many small files they took a third of
 * the time to load what a broker's main thread needs (22 ms of its own against 10, median of 3). They are not installed
 * with it; their licences are in dist/LICENSES.txt, and the bill of materials names them.
 */
export const bundledPackages = ['fastest-validator', 'yaml']
