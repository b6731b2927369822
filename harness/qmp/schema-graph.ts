import { z } from 'zod';

const member = z.object({ name: z.string(), type: z.string(), default: z.unknown().optional() });

/** One entry of `query-qmp-schema` (QAPI `SchemaInfo`), with what the generator reads of it. */
export const schemaEntry = z.discriminatedUnion('meta-type', [
  z.object({
    'meta-type': z.literal('command'),
    name: z.string(),
    'arg-type': z.string(),
    'ret-type': z.string(),
    'allow-oob': z.boolean().optional(),
  }),
  z.object({ 'meta-type': z.literal('event'), name: z.string(), 'arg-type': z.string() }),
  z.object({
    'meta-type': z.literal('object'),
    name: z.string(),
    members: z.array(member),
    tag: z.string().optional(),
    variants: z.array(z.object({ case: z.string(), type: z.string() })).optional(),
  }),
  z.object({ 'meta-type': z.literal('enum'), name: z.string(), values: z.array(z.string()) }),
  z.object({ 'meta-type': z.literal('alternate'), name: z.string(), members: z.array(z.object({ type: z.string() })) }),
  z.object({ 'meta-type': z.literal('array'), name: z.string(), 'element-type': z.string() }),
  z.object({ 'meta-type': z.literal('builtin'), name: z.string(), 'json-type': z.string() }),
]);

export type SchemaEntry = z.infer<typeof schemaEntry>;
export type SchemaKind = SchemaEntry['meta-type'];
export type EntryOf<K extends SchemaKind> = SchemaEntry & { 'meta-type': K };

/** What one QEMU says about its QMP. */
export interface SchemaOfBuild {
  /** Major and minor: "10.0". */
  version: string;
  entries: SchemaEntry[];
}

/** A type as one build has it. */
export interface TypeRef {
  version: string;
  entry: SchemaEntry;
}

/**
 * The schemas of several builds seen as one. The names of types are masked and mean nothing outside of their build, so that two
 * types are taken for one when the same command, event, member or variant leads to both.
 */
export class SchemaGraph {
  private readonly entries = new Map<string, Map<string, SchemaEntry>>();
  private readonly parents = new Map<SchemaEntry, SchemaEntry>();
  private readonly nodes: TypeRef[] = [];
  private groups = new Map<SchemaEntry, TypeRef[]>();

  /** @param builds newest first: where builds differ in order, the first one's counts. */
  constructor(readonly builds: readonly SchemaOfBuild[]) {
    for (const { version, entries } of builds) {
      const byName = new Map<string, SchemaEntry>();
      for (const entry of entries) byName.set(`${nameSpaceOf(entry)}:${entry.name}`, entry);
      this.entries.set(version, byName);
      for (const entry of entries) this.nodes.push({ version, entry });
    }
    this.regroup();
    while (this.joinUses()) this.regroup();
  }

  /** All commands, or all events, of any build, sorted by name. */
  named<K extends 'command' | 'event'>(kind: K): [name: string, refs: { version: string; entry: EntryOf<K> }[]][] {
    const found = new Map<string, { version: string; entry: EntryOf<K> }[]>();
    for (const { version, entry } of this.nodes) {
      if (!isKind(entry, kind)) continue;
      found.set(entry.name, [...(found.get(entry.name) ?? []), { version, entry }]);
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** The type that a build's schema calls `name`. */
  resolve(version: string, name: string): TypeRef {
    const entry = this.entries.get(version)?.get(`type:${name}`);
    if (!entry) throw new TypeError(`the schema of ${version} names type '${name}' and does not hold it`);
    return { version, entry };
  }

  /** All builds' types that are one with this one, newest build first. */
  group(ref: TypeRef): { leader: SchemaEntry; refs: TypeRef[] } {
    const leader = this.leaderOf(ref.entry);
    return { leader, refs: this.groups.get(leader) ?? [ref] };
  }

  private leaderOf(entry: SchemaEntry): SchemaEntry {
    const parent = this.parents.get(entry);
    return parent ? this.leaderOf(parent) : entry;
  }

  private regroup(): void {
    this.groups = new Map();
    for (const ref of this.nodes) {
      const leader = this.leaderOf(ref.entry);
      this.groups.set(leader, [...(this.groups.get(leader) ?? []), ref]);
    }
  }

  /** Returns whether anything was joined, since one join can make more uses meet. */
  private joinUses(): boolean {
    let joined = false;
    const uses = [...this.groups.values(), ...this.named('command').map(([, refs]) => refs)];
    uses.push(...this.named('event').map(([, refs]) => refs));
    for (const refs of uses) {
      for (const targets of usesOf(refs).values()) {
        const met = targets.map(({ version, type }) => this.resolve(version, type));
        if (this.join(met)) joined = true;
      }
    }
    return joined;
  }

  private join(refs: TypeRef[]): boolean {
    let joined = false;
    for (const kind of ['object', 'enum', 'alternate'] as const) {
      const [first, ...rest] = refs.filter(({ entry }) => entry['meta-type'] === kind && !isEmptyObject(entry));
      for (const other of rest) {
        const [a, b] = [this.leaderOf(first?.entry ?? other.entry), this.leaderOf(other.entry)];
        if (a === b) continue;
        this.parents.set(b, a);
        joined = true;
      }
    }
    const elements = elementsOf(refs).map(({ version, type }) => this.resolve(version, type));
    return (elements.length > 1 && this.join(elements)) || joined;
  }
}

/** Whether the type is QAPI's object without members, which stands for "no arguments" and "returns nothing". */
export function isEmptyObject(entry: SchemaEntry): boolean {
  return isKind(entry, 'object') && entry.members.length === 0 && !entry.variants;
}

/** The element types of those refs that are arrays. */
export function elementsOf(refs: TypeRef[]): { version: string; type: string }[] {
  return refs.flatMap(({ version, entry }) =>
    isKind(entry, 'array') ? [{ version, type: entry['element-type'] }] : [],
  );
}

export function isKind<K extends SchemaKind>(entry: SchemaEntry, kind: K): entry is EntryOf<K> {
  return entry['meta-type'] === kind;
}

function nameSpaceOf(entry: SchemaEntry): string {
  return isKind(entry, 'command') || isKind(entry, 'event') ? entry['meta-type'] : 'type';
}

/** For each way that leads out of an entry (an argument, a member, a variant), the types it leads to. */
function usesOf(refs: TypeRef[]): Map<string, { version: string; type: string }[]> {
  const uses = new Map<string, { version: string; type: string }[]>();
  for (const { version, entry } of refs) {
    for (const [way, type] of waysOut(entry)) uses.set(way, [...(uses.get(way) ?? []), { version, type }]);
  }
  return uses;
}

function waysOut(entry: SchemaEntry): [way: string, type: string][] {
  switch (entry['meta-type']) {
    case 'command':
      return [
        ['arguments', entry['arg-type']],
        ['return', entry['ret-type']],
      ];
    case 'event':
      return [['data', entry['arg-type']]];
    case 'object':
      return [
        ...entry.members.map(({ name, type }): [string, string] => [`member ${name}`, type]),
        ...(entry.variants ?? []).map(({ case: name, type }): [string, string] => [`variant ${name}`, type]),
      ];
    case 'alternate':
      return entry.members.map(({ type }): [string, string] => ['branch', type]);
    default:
      return [];
  }
}
