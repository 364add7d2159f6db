/**
 * Packages whose code goes into the bundles of the broker and its command line: apart, as many small files, they take
 * longer to load (fastest-validator 22 ms against 10, median of 3). They are not installed with it; their licences are
 * in dist/LICENSES.txt, and the bill of materials names them.
 */
export const bundledPackages = ['fastest-validator', 'yaml']
