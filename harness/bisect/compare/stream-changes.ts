import { type Capture, type DeviceState, devicesOf } from '../../stream/capture.js';
import { compareCaptures, type StreamDifference } from '../../stream/compare/diff.js';
import { sectionName } from '../../stream/section.js';
import { bytesOf, eachField, eachValue, type Field } from '../../stream/state/fields.js';

/** What can change in a stream. Of another shape an old build may not be able to load it; of a value it knows what to make. */
export const streamChangeKinds = ['shape', 'order', 'value'] as const;

/** What a patch changes in a stream. */
export interface StreamChange {
  kind: (typeof streamChangeKinds)[number];
  /** "hpet: version 2 → 3". */
  words: string;
}

/** The streams of one scenario, each captured twice: what differs between two of the same build says nothing of the patch. */
export interface StreamPairs {
  base: readonly [Capture, Capture];
  patched: readonly [Capture, Capture];
  /** False where a guest runs, whose registers are never the same twice: only the shape is compared. */
  values: boolean;
}

const shapes: readonly StreamDifference['kind'][] = ['configuration', 'ram', 'section', 'version', 'layout'];

/** Field by field, what differs between the builds and not between two runs of one; the shape first, then the order of the sections. */
export function streamChanges({ base, patched, values }: StreamPairs): StreamChange[] {
  const noise = new Set([...differences(...base), ...differences(...patched)].map(keyOf));
  const found = differences(base[0], patched[0])
    .filter((difference) => !noise.has(keyOf(difference)))
    .map((difference): StreamChange => ({ kind: kindOf(difference), words: wordsOf(difference) }));
  return streamChangeKinds
    .filter((kind) => values || kind !== 'value')
    .flatMap((kind) => found.filter((change) => change.kind === kind));
}

interface Difference extends StreamDifference {
  /** True for a field or a section that is longer or shorter than it was. */
  resized: boolean;
}

function differences(first: Capture, second: Capture): Difference[] {
  const [one, other] = [sizesOf(first), sizesOf(second)];
  return withoutNames(compareCaptures(first, second), [first, second])
    .filter(({ expected }) => expected === undefined)
    .map((difference) => {
      const key = `${difference.section}\n${difference.kind === 'contents' ? '' : difference.what}`;
      return { ...difference, resized: one.get(key) !== other.get(key) };
    });
}

/**
 * The differences but for names: a destination loads bytes, and where a section has the same bytes in the same order its fields may be called
 * anything. QEMU's own description calls the elements of an array now this and now that. Of fields that are called otherwise, the values.
 */
function withoutNames(
  found: readonly StreamDifference[],
  [first, second]: readonly [Capture, Capture],
): StreamDifference[] {
  const sections = new Set(found.flatMap(({ kind, section }) => (kind === 'layout' ? [section] : [])));
  if (sections.size === 0) return [...found];
  const [before, after] = [statesIn(first, sections), statesIn(second, sections)];
  const renamed = new Map<string, StreamDifference[]>();
  for (const section of sections) {
    const values = renamedValues(section, before.get(section), after.get(section));
    if (values) renamed.set(section, values);
  }
  const left = found.filter(({ kind, section }) => kind !== 'layout' || !renamed.has(section));
  return [...left, ...[...renamed.values()].flat()];
}

type Described = DeviceState & { fields: Field[] };

function statesIn(capture: Capture, sections: ReadonlySet<string>): ReadonlyMap<string, Described> {
  const states = devicesOf(capture).flatMap(({ fields, ...state }): [string, Described][] => {
    const name = sectionName(state.section);
    return fields && sections.has(name) ? [[name, { ...state, fields }]] : [];
  });
  return new Map(states);
}

/** What differs in fields that have another name, where names are all that differs in the layout; undefined where it is not. */
function renamedValues(
  section: string,
  first: Described | undefined,
  second: Described | undefined,
): StreamDifference[] | undefined {
  if (!first || !second || subsectionsIn(first.fields) !== subsectionsIn(second.fields)) return undefined;
  // What one build calls an array may be so many values, or unused bytes, in the other.
  for (const each of [eachField, eachValue]) {
    const [one, other] = [valuesOf(first, each), valuesOf(second, each)];
    if (one.length !== other.length || one.some(({ size }, place) => size !== other[place]?.size)) continue;
    return one.flatMap(({ name, value }, place) => {
      const now = other[place];
      if (!now || now.name === name || now.value === value) return [];
      return [{ kind: 'field', section, what: `${name} (now ${now.name})`, first: value, second: now.value }];
    });
  }
  return undefined;
}

function valuesOf(
  { fields, body }: Described,
  each: typeof eachField,
): { name: string; size: number; value: string }[] {
  const values: { name: string; size: number; value: string }[] = [];
  each(fields, (path, field) =>
    values.push({ name: path.join('/'), size: field.size, value: bytesOf(field, body).toString('hex') }),
  );
  return values;
}

/** The names of subsections, which are in the stream themselves, and where they stand. */
function subsectionsIn(fields: readonly Field[]): string {
  return fields
    .flatMap(({ type, name, offset, parts }) => {
      if (!parts) return [];
      return [...(type === 'subsection' ? [`${name} ${offset}`] : []), subsectionsIn(parts)];
    })
    .join('\n');
}

function kindOf({ kind, resized }: Difference): StreamChange['kind'] {
  if (kind === 'order') return 'order';
  return resized || shapes.includes(kind) ? 'shape' : 'value';
}

/** Bytes of every section that is sent once, and of every field of it, by their names. */
function sizesOf(capture: Capture): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { section, fields = [] } of devicesOf(capture)) {
    const name = sectionName(section);
    sizes.set(`${name}\n`, section.bodyBytes);
    eachField(fields, (path, { size }) => sizes.set(`${name}\n${path.join('/')}`, size));
  }
  return sizes;
}

/** The same for any values of one thing; of a long buffer, wherever in it they differ. */
function keyOf({ kind, section, what }: StreamDifference): string {
  return [kind, section, what.replace(/ from byte \d+$/, '')].join('\n');
}

function wordsOf({ kind, section, what, first, second, resized }: Difference): string {
  const change =
    resized && kind !== 'section' && kind !== 'layout' ? `${first} → ${second} (another size)` : `${first} → ${second}`;
  switch (kind) {
    case 'section':
      return `${section}: the section is ${first === 'absent' ? 'added' : 'removed'}`;
    case 'layout':
      return `${section}: ${what} is ${first === 'absent' ? 'added' : 'removed'}`;
    case 'version':
      return `${section}: version ${change}`;
    case 'ram':
      return `RAM block ${what}: ${change}`;
    case 'order':
      return `load order, ${what}: ${change}`;
    default:
      return `${section}: ${what}: ${change}`;
  }
}
