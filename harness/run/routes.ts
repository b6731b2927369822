import { type Build, compareVersions } from '../build/build.js';
import { UsageError } from '../core/errors.js';
import type { RouteShape } from '../scenario/definition.js';

/** Which pairs of a source and a destination a run takes. */
export type PairSelection = 'same' | 'forward' | 'backward' | 'all';

export const pairSelections: readonly PairSelection[] = ['same', 'forward', 'backward', 'all'];

/** Reads `--pairs`; throws UsageError that lists what is accepted. */
export function parsePairs(text: string): PairSelection {
  const found = pairSelections.find((known) => known === text);
  if (!found) throw new UsageError(`--pairs ${text} is unknown; accepted: ${pairSelections.join(', ')}`);
  return found;
}

/** How often a guest goes there and back on a 'ping-pong' route. */
const pingPongs = 10;

type Pair = readonly [Build, Build];

/** Every pair of one architecture that the selection allows, in the order the builds were named. */
export function pairsOf(sources: readonly Build[], destinations: readonly Build[], selection: PairSelection): Pair[] {
  const all = sources.flatMap((source) => destinations.map((destination): Pair => [source, destination]));
  return all.filter(([source, destination]) => {
    if (source.arch !== destination.arch) return false;
    if (selection === 'all') return true;
    if (selection === 'same') return source.name === destination.name;
    const age = compareVersions(source.version, destination.version);
    return selection === 'forward' ? age < 0 : age > 0;
  });
}

/** The routes of a shape that can be made of these pairs: each hop is one of them. */
export function routesOf(shape: RouteShape, pairs: readonly Pair[]): Build[][] {
  switch (shape) {
    case 'pair':
      return pairs.map((pair) => [...pair]);
    case 'there-and-back':
      return pairs.filter(([there, back]) => there !== back).map(([there, back]) => [there, back, there]);
    case 'ping-pong':
      return pairs.map(([there, back]) => [there, ...Array.from({ length: pingPongs }, () => [back, there]).flat()]);
    case 'three':
      return pairs
        .flatMap(([first, second]) =>
          pairs.filter(([from]) => from === second).map(([, third]): Build[] => [first, second, third]),
        )
        .filter((route) => new Set(route).size > 1 || pairs.length === 1);
  }
}
