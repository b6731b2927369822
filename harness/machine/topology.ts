import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../core/errors.js';
import { packageRoot } from '../core/package-root.js';
import { splitWords } from './words.js';

const folder = join(packageRoot, 'machines', 'topologies');
const suffix = '.args';

/**
 * The words of a named topology, from `machines/topologies/NAME.args`: QEMU's own syntax, `#` for comments.
 * `values` replace `{name}` in the text. Throws UsageError that lists the names there are, or names what was not given.
 */
export function topology(name: string, values: Readonly<Record<string, string>> = {}): string[] {
  if (!topologyNames().includes(name)) {
    throw new UsageError(`there is no topology '${name}'; there are: ${topologyNames().join(', ')}`);
  }
  const text = readFileSync(join(folder, name + suffix), 'utf8');
  return splitWords(text).map((word) =>
    word.replace(/\{(\w+)\}/g, (placeholder, key: string) => {
      const value = values[key];
      if (value === undefined) throw new UsageError(`the topology '${name}' needs a value for ${placeholder}`);
      return value;
    }),
  );
}

/** Names of all topologies, sorted. */
export function topologyNames(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(suffix))
    .map((file) => file.slice(0, -suffix.length))
    .sort();
}
