/**
 * Which folder may import which. dependency-cruiser reads it in `npm run check`, which also fails if no module was
 * seen.
 */
const folders = ['native-free-core', 'workers', 'src', 'test', 'bench', 'examples']

module.exports = {
  forbidden: [
    {
      name: 'core-is-alone',
      comment: 'The core runs in every thread and in browsers: it imports nothing but itself.',
      severity: 'error',
      from: { path: '^native-free-core/' },
      to: { pathNot: '^native-free-core/' },
    },
    {
      name: 'src-without-workers',
      comment: 'The main thread talks to workers through rings and ports, never by import.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^workers/' },
    },
    {
      name: 'workers-without-src',
      comment: 'A worker never holds code of the main thread.',
      severity: 'error',
      from: { path: '^workers/' },
      to: { path: '^src/' },
    },
    {
      name: 'worker-folders-apart',
      comment: 'One worker never imports another; what they share is in workers/shared.',
      severity: 'error',
      from: { path: '^workers/([^/]+)/' },
      to: { path: '^workers/', pathNot: ['^workers/$1/', '^workers/shared/'] },
    },
    {
      name: 'shared-is-below',
      comment: 'workers/shared knows no worker.',
      severity: 'error',
      from: { path: '^workers/shared/' },
      to: { path: '^workers/', pathNot: '^workers/shared/' },
    },
    {
      name: 'engine-without-tests',
      comment: 'What is shipped imports no test, benchmark or example.',
      severity: 'error',
      from: { path: '^(native-free-core|workers|src)/' },
      to: { path: '^(test|bench|examples)/' },
    },
    {
      name: 'no-development-package',
      comment:
        'What is shipped imports only dependencies, or what its bundles hold (tools/bundled-packages.mjs; fflate).',
      severity: 'error',
      from: { path: '^(native-free-core|workers|src)/', pathNot: '^src/client/platform/browser-gzip\\.ts$' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        pathNot: '^node_modules/(fastest-validator|yaml)/',
      },
    },
    {
      name: 'browser-without-node',
      comment: "What the browsers' entry reaches runs without Node.js: the core, the client, and fflate.",
      severity: 'error',
      from: { path: '^src/client/browser\\.ts$' },
      to: { reachable: true, pathNot: '^(native-free-core|src/client)/|^node_modules/fflate/' },
    },
    {
      name: 'browser-without-node-platform',
      comment: 'The files that need Node.js are for its entry alone.',
      severity: 'error',
      from: { path: '^src/client/browser\\.ts$' },
      to: { reachable: true, path: '^src/client/(index|platform/node-[a-z0-9-]+)\\.ts$' },
    },
    {
      name: 'no-unresolvable',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-circular',
      comment: 'A circle of imports hides who depends on whom.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    includeOnly: `^(${folders.join('|')}|node_modules)/|^[a-z:_/]+$`,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.generated\\.js$' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'test/tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
}
