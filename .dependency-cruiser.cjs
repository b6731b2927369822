/** The rooms of harness/, from the top of the house to its ground. A room imports itself and the rooms on lines below its own. */
const lines = [
  ['cli'],
  ['bisect', 'explore'],
  ['run', 'report'],
  ['scenario'],
  ['migration'],
  ['diagnosis', 'guest'],
  ['machine', 'stream', 'vfio'],
  ['pci', 'build', 'record'],
  ['qmp', 'qtest'],
  ['core'],
];

const everyRoom = lines.flat().join('|');

const rooms = lines.flatMap((line, level) =>
  line.map((room) => {
    const allowed = [room, ...lines.slice(level + 1).flat()].join('|');
    return {
      name: `room-${room}`,
      comment: `${room} may import only: ${allowed.replaceAll('|', ', ')}`,
      severity: 'error',
      from: { path: `^harness/${room}/` },
      to: { path: '^(harness|tests|dist)/', pathNot: `^harness/(${allowed})/` },
    };
  }),
);

module.exports = {
  forbidden: [
    ...rooms,
    {
      name: 'room-unknown',
      comment: 'A new room of harness/ is first given its line in .dependency-cruiser.cjs',
      severity: 'error',
      from: { path: '^harness/[^/]+/', pathNot: `^harness/(${everyRoom})/` },
      to: {},
    },
    {
      name: 'index-is-for-users',
      comment: 'harness/index.ts is the public surface: users import it, nothing in harness/ or its self-tests does',
      severity: 'error',
      from: { path: '^(harness|tests/harness)/' },
      to: { path: '^harness/index\\.ts$|^dist/' },
    },
    {
      name: 'scenarios-use-the-package',
      comment: "Scenarios import 'godwit', as those of any other project do",
      severity: 'error',
      from: { path: '^tests/migration/' },
      to: { path: '^(harness|tests/harness)/' },
    },
    {
      name: 'no-circle',
      comment: 'Two files that need each other are one file, or three',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolved',
      comment: 'An import that leads nowhere',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^godwit$' },
    },
    {
      name: 'no-undeclared-package',
      comment: 'harness/ runs where only dependencies are installed',
      severity: 'error',
      from: { path: '^harness/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^dist/'] },
    exclude: { path: '^(dist|coverage)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
