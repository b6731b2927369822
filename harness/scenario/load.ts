import { existsSync, readdirSync, statSync } from 'node:fs';
import { register } from 'node:module';
import { extname, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GodwitError, messageOf, UsageError } from '../core/errors.js';
import { packageRoot } from '../core/package-root.js';
import type { Scenario } from './definition.js';
import { collect } from './registry.js';

/** How scenario files end; anything else in a folder is left alone. */
const suffixes = ['.scenario.ts', '.scenario.js', '.scenario.mjs'];

/** Files and folders as scenario files, each once, sorted within a folder; packages in it (node_modules) keep theirs to themselves. Throws UsageError naming what does not exist or holds none. */
export function findScenarioFiles(paths: readonly string[]): string[] {
  const found = paths.flatMap((path) => {
    if (!existsSync(path)) throw new UsageError(`there is no scenario file or folder '${path}'`);
    if (!statSync(path).isDirectory()) return [path];
    const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((file) => suffixes.some((suffix) => file.endsWith(suffix)))
      .filter((file) => !file.split(sep).includes('node_modules'))
      .map((file) => join(path, file))
      .sort();
    if (files.length === 0)
      throw new UsageError(`the folder '${path}' holds no scenario file (${suffixes.join(', ')})`);
    return files;
  });
  return [...new Map(found.map((file) => [resolve(file), file])).values()];
}

/** What 'godwit' is to a scenario. */
const ownIndex = pathToFileURL(join(packageRoot, 'dist', 'harness', 'index.js')).href;

/**
 * A resolve hook: scenario files are modules, also in a folder whose package.json does not say so. As CommonJS they could
 * not import this package, which awaits at its top level. In a folder that has no 'godwit', this one is meant.
 */
const everyScenarioIsModule = `
  const ownIndex = ${JSON.stringify(ownIndex)};
  export async function resolve(specifier, context, next) {
    const found = await next(specifier, context).catch((thrown) => {
      if (specifier === 'godwit') return next(ownIndex, context);
      throw thrown;
    });
    const [path] = found.url.split('?');
    const ours = /\\.ts$|\\.scenario\\.js$/.test(path) && !path.includes('/node_modules/');
    return ours && found.format === 'commonjs' ? { ...found, format: 'module' } : found;
  }`;

let typeScript: Promise<void> | undefined;

async function registerTypeScript(): Promise<void> {
  // Loaded before, it does not go through the hooks, module by module: that takes a third of a second.
  await import(ownIndex);
  (await import('tsx/esm/api')).register();
  register(`data:text/javascript,${encodeURIComponent(everyScenarioIsModule)}`);
}

/** Loads scenario files, TypeScript or JavaScript. Throws UsageError naming the file that throws, and why. */
export async function loadScenarios(files: readonly string[]): Promise<Scenario[]> {
  if (files.some((file) => /\.[cm]?ts$/.test(extname(file)))) typeScript ??= registerTypeScript();
  await typeScript;
  const loaded: Scenario[] = [];
  for (const file of files) {
    try {
      loaded.push(...(await collect(relative('.', file), () => import(pathToFileURL(resolve(file)).href))));
    } catch (thrown) {
      if (thrown instanceof GodwitError) throw thrown;
      throw new UsageError(`the scenario file '${file}' throws while it is loaded: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
  }
  return loaded;
}
