import { quoteWord } from '../../machine/words.js';
import type { GuestAction } from '../../record/events.js';
import { literal, templateLiteral } from './literal.js';
import type { Minimal } from './minimise.js';
import { optionsOf } from './options.js';

/** What is left of a scenario, as a scenario file. */
export interface ScenarioText {
  title: string;
  text: string;
}

/**
 * A scenario of its own for what is left of a cell: machine type pinned, devices one to a line, and what its body asked for, in order, with
 * arguments as JSON has them. After each migration it expects what a migration is to be.
 */
export function scenarioText(minimal: Minimal): ScenarioText {
  const { scenario, cell, signature, words } = minimal;
  const title = `${scenario.title}, at its smallest`;
  const fields = [
    ...(scenario.guest === undefined || scenario.guest === 'scripted' ? [] : [`guest: ${literal(scenario.guest)}`]),
    `machines: ${literal(cell.machineType)}`,
    ...(scenario.route === undefined ? [] : [`route: ${literal(scenario.route)}`]),
    ...(words.length > 0 ? [`devices: ${deviceText(words, '  ')}`] : []),
    ...destinationField(minimal),
    ...disksField(minimal),
    ...vfioField(minimal),
    ...(scenario.memoryMiB === undefined || minimal.usualMemory ? [] : [`memoryMiB: ${scenario.memoryMiB}`]),
    ...(scenario.timeoutMs === undefined ? [] : [`timeoutMs: ${scenario.timeoutMs}`]),
    ...(scenario.hotplugs === true ? ['hotplugs: true'] : []),
    ...(scenario.trace === undefined ? [] : [`trace: ${literal(scenario.trace)}`]),
    ...(scenario.loadOrder === undefined ? [] : [`loadOrder: ${literal(scenario.loadOrder)}`]),
    ...(scenario.oracle === undefined ? [] : [`oracle: ${literal(scenario.oracle)}`]),
  ];
  const text = [
    "import { expect, scenario } from 'godwit';",
    '',
    `// What is left of ${oneLine(cell.id)}`,
    `// It fails in this way: ${oneLine(signature)}`,
    `scenario(${literal(title)}, {`,
    ...fields.map((field) => `  ${field},`),
    ...bodyLines(minimal.actions).map((line) => `  ${line}`),
    '});',
    '',
  ].join('\n');
  return { title, text };
}

function deviceText(words: readonly string[], indent: string): string {
  if (words.length === 0) return "''";
  const lines = optionsOf(words).map(({ option, value }) =>
    value === undefined ? option : `${option} ${quoteWord(value)}`,
  );
  return templateLiteral(lines, indent);
}

/** What the destination has instead, told for this one cell. */
function destinationField({ scenario, shape, destinationWords }: Minimal): string[] {
  const other = scenario.destination?.(shape);
  if (!other) return [];
  const members = [
    ...(destinationWords ? [`devices: ${deviceText(destinationWords, '    ')}`] : []),
    ...(other.machineType === undefined ? [] : [`machineType: ${literal(other.machineType)}`]),
    ...(other.memoryMiB === undefined ? [] : [`memoryMiB: ${other.memoryMiB}`]),
  ];
  if (members.length === 0) return [];
  return [`destination: () => ({\n${members.map((member) => `    ${member},\n`).join('')}  })`];
}

/** The disks that a device still has. */
function disksField({ scenario, words, destinationWords = [] }: Minimal): string[] {
  const all = [...words, ...destinationWords];
  const used = Object.entries(scenario.disks ?? {}).filter(([name]) =>
    all.some((word) => word.split(',').includes(`drive=${name}`)),
  );
  return used.length === 0 ? [] : [`disks: ${literal(Object.fromEntries(used))}`];
}

/** The device that each side has in its own way, told for this one cell. */
function vfioField({ scenario, shape }: Minimal): string[] {
  const sides = scenario.vfio?.(shape);
  if (!sides) return [];
  return [
    `vfio: () => ({\n    source: ${literal(sides.source)},\n    destination: ${literal(sides.destination)},\n  })`,
  ];
}

const expected = 'to.be.completed.with.cleanLogs.and.to.preserve.configSpace';

function bodyLines(actions: readonly GuestAction[]): string[] {
  const firstMigration = actions.findIndex(isMigration);
  // What is taken out of the journey stays at the source: after a migration the guest is asked for anew.
  const goesOn = firstMigration !== -1 && actions.slice(firstMigration + 1).some((action) => !isMigration(action));
  const roots = [...new Set(actions.map((action) => (isMigration(action) ? 'migrate' : rootOf(action.on))))];
  const parts = ['guest', 'machine', 'migrate'].filter((part) => roots.includes(part));
  const named = parts.length === 0 ? '' : goesOn ? 'journey' : `{ ${parts.join(', ')} }`;
  const prefix = goesOn ? 'journey.' : '';
  const statements = actions.map((action) => statementOf(action, { actions, prefix }));
  return [`async body(${named}) {`, ...statements.map((statement) => `  ${statement}`), '},'];
}

function statementOf(
  action: GuestAction,
  { actions, prefix }: { actions: readonly GuestAction[]; prefix: string },
): string {
  const args = action.args.map(literal).join(', ');
  if (isMigration(action)) return `expect(await ${prefix}migrate(${args})).${expected};`;
  const isAskedLater = action.gives !== undefined && actions.some(({ on }) => rootOf(on) === action.gives);
  const constant = isAskedLater ? `const ${action.gives} = ` : '';
  const isPart = ['guest', 'machine'].includes(rootOf(action.on));
  return `${constant}await ${isPart ? prefix : ''}${action.on}.${action.method}(${args});`;
}

function isMigration({ on, method }: GuestAction): boolean {
  return on === '' && method === 'migrate';
}

function rootOf(on: string): string {
  return on.split('.')[0] ?? '';
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\u2028\u2029]+/g, ' ');
}
