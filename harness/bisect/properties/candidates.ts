import type { Build } from '../../build/build.js';
import { ExecuteError } from '../../qmp/errors.js';
import type { Machine } from '../../machine/machine.js';
import { differencesOf } from './differences.js';
import { readObjects } from './object-tree.js';
import { pieceName, type PropertyPiece, wordsSetting } from './property-piece.js';
import type { Rehearsal } from './rehearsal.js';
import { type ToldProperty, toldProperties } from './told.js';

/** A property that separates the machine types, and where it is told of. */
export interface CandidateProperty extends PropertyPiece {
  told?: ToldProperty;
}

/** What separates two machine types for one cell. */
export interface Separation {
  /** What a command line can set. */
  settable: CandidateProperty[];
  /** What a build of the route refuses to be told. */
  refused: CandidateProperty[];
}

/** The machine type that fails, and the one that passes. */
export interface MachineTypes {
  bad: string;
  good: string;
}

/**
 * Starts a cell's machines with both machine types and compares what is in them: that finds what compat lists say, and what the code of a machine
 * type does. Devices that a guest is given later are not there yet: for those, builds that tell their compat lists are believed.
 * @param tellers builds that may tell, those of the route first
 */
export async function separationOf(
  rehearsal: Rehearsal,
  types: MachineTypes,
  tellers: readonly Build[],
): Promise<Separation> {
  const told = toldProperties(tellers, types);
  const found = new Map<string, CandidateProperty>();
  for (const build of rehearsal.builds) {
    const bad = await rehearsal.see({ build, machineType: types.bad }, async (machine) => {
      const objects = await readObjects(machine);
      const parents = await parentsOf(machine);
      const unseen = told.filter(({ driver }) => !objects.some(({ type }) => descends(type, driver, parents)));
      return { objects, parents, later: rehearsal.hotplugs ? await laterPieces(machine, unseen) : [] };
    });
    const good = await rehearsal.see({ build, machineType: types.good }, readObjects);
    const seen = differencesOf(bad.objects, good).map((piece) => withOrigin(piece, told, bad.parents));
    for (const piece of [...seen, ...bad.later]) if (!found.has(pieceName(piece))) found.set(pieceName(piece), piece);
  }
  return sorted([...found.values()], rehearsal, types.bad);
}

/** What separates the machine types for any of several cells; what one of them cannot be told, none is told. */
export function joined(separations: readonly Separation[]): Separation {
  const byName = (pieces: readonly CandidateProperty[]): Map<string, CandidateProperty> =>
    new Map(pieces.map((piece) => [pieceName(piece), piece]));
  const refused = byName(separations.flatMap((one) => one.refused));
  const settable = byName(separations.flatMap((one) => one.settable));
  for (const name of refused.keys()) settable.delete(name);
  return { settable: [...settable.values()], refused: [...refused.values()] };
}

type Parents = ReadonlyMap<string, string>;

/** Every type that is loaded, with the one it is made of. */
async function parentsOf(machine: Machine): Promise<Parents> {
  const types = await machine.qmp.execute('qom-list-types', { abstract: true });
  return new Map(types.flatMap(({ name, parent }) => (parent === undefined ? [] : [[name, parent]])));
}

function descends(type: string, ancestor: string, parents: Parents): boolean {
  for (let at: string | undefined = type; at !== undefined; at = parents.get(at)) if (at === ancestor) return true;
  return false;
}

function withOrigin(piece: PropertyPiece, told: readonly ToldProperty[], parents: Parents): CandidateProperty {
  const origin = told.find(
    ({ driver, property }) => property === piece.property && descends(piece.driver, driver, parents),
  );
  return origin ? { ...piece, told: origin } : piece;
}

/** Properties of device types that the machine does not have yet; a value that nobody sets is the device's own. */
async function laterPieces(machine: Machine, told: readonly ToldProperty[]): Promise<CandidateProperty[]> {
  const pieces = told.map(async (entry): Promise<CandidateProperty[]> => {
    const own = await ownValue(machine, entry);
    const { driver, property, bad = own, good = own } = entry;
    return good === undefined || good === bad ? [] : [{ of: 'device', driver, property, bad, good, told: entry }];
  });
  return (await Promise.all(pieces)).flat();
}

/** The value that a device type has of itself; undefined where the build does not know it, or does not tell. */
async function ownValue(machine: Machine, { driver, property }: ToldProperty): Promise<string | undefined> {
  try {
    const [concrete = { name: driver }] = await machine.qmp.execute('qom-list-types', {
      implements: driver,
      abstract: false,
    });
    const listed = await machine.qmp.execute('device-list-properties', { typename: concrete.name });
    const value = listed.find(({ name }) => name === property)?.['default-value'];
    if (typeof value === 'boolean') return value ? 'on' : 'off';
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  } catch (thrown) {
    if (thrown instanceof ExecuteError) return undefined;
    throw thrown;
  }
}

/** Parts what every build of the route accepts from what one refuses. */
async function sorted(
  pieces: readonly CandidateProperty[],
  rehearsal: Rehearsal,
  machineType: string,
): Promise<Separation> {
  let settable = [...pieces];
  for (const build of rehearsal.builds) {
    const accepts = (some: readonly CandidateProperty[]): Promise<boolean> =>
      rehearsal.accepts({ build, machineType, added: some.flatMap((piece) => wordsSetting(piece, piece.good)) });
    settable = await accepted(settable, accepts);
  }
  return { settable, refused: pieces.filter((piece) => !settable.includes(piece)) };
}

/** Those that are accepted, found by halves: most are, and each question starts a QEMU. */
async function accepted<T>(pieces: readonly T[], accepts: (some: readonly T[]) => Promise<boolean>): Promise<T[]> {
  if (pieces.length === 0 || (await accepts(pieces))) return [...pieces];
  if (pieces.length === 1) return [];
  const half = Math.ceil(pieces.length / 2);
  return [...(await accepted(pieces.slice(0, half), accepts)), ...(await accepted(pieces.slice(half), accepts))];
}
