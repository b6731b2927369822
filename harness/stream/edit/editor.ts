import { StateError } from '../../core/errors.js';
import { unfold } from '../capture.js';
import { configSpaceOf } from '../state/config-space.js';
import type { StreamDescription } from '../state/description.js';
import { StreamError } from '../errors.js';
import { eachValue, type Field, layOut } from '../state/fields.js';
import { HeldBytes } from './held-bytes.js';
import { StreamFeed } from '../input.js';
import { type Section, type StreamItem, StreamReader } from '../reader.js';
import { type SectionHeader, sectionName } from '../section.js';

/** Sections are named as `stream show` lists them: "0000:00:12.0/pcie-root-port", and with the instance where it is not 0: "dma 1". */
export type StreamEdit =
  /** Leaves a section out. */
  | { drop: string }
  /** Puts a section in front of one that comes before it. */
  | { move: string; before: string }
  /** Ends the stream where a section begins. */
  | { cut: string }
  /**
   * Changes a field of a section: its path with '/' between the names, or as much of the end as is unique, or 'config' for PCI
   * configuration space. `byte` counts from the start of the field; `xor` flips bits of that byte, `set` replaces it. A stream that
   * does not describe its devices (postcopy) has no fields to change.
   */
  | { change: string; field: string; byte?: number; xor?: number; set?: number };

/**
 * Changes a stream while it flows: bytes go in with `push` and come out changed, as soon as it is certain what becomes of them. Only what
 * an edit is about is held back, and a field's section until the description comes. A stream that cannot be read flows on unchanged.
 */
export class StreamEditor {
  private readonly held = new HeldBytes();
  private readonly feed: StreamFeed<unknown>;
  private reader: StreamReader | undefined;
  private readonly open: OpenEdit[];
  private readonly sections = new Map<string, Section>();
  private unreadable: StreamError | undefined;
  private cutAt: number | undefined;

  constructor(edits: readonly StreamEdit[]) {
    this.open = edits.map((edit) => ({ edit, done: false }));
    const onItem = (item: StreamItem): void => this.see(item);
    const onSection = (header: SectionHeader): void => this.begin(header);
    this.feed = new StreamFeed((bytes) => (this.reader = new StreamReader(bytes, { onItem, onSection })).read());
  }

  /** True once the stream was cut: nothing goes on any more. */
  get isOver(): boolean {
    return this.cutAt !== undefined;
  }

  /** Takes bytes as they come; returns those that may go on. */
  push(chunk: Buffer): Buffer[] {
    if (this.isOver) return [];
    this.held.push(chunk);
    if (this.unreadable) return this.held.release(Infinity);
    try {
      this.feed.push(chunk);
    } catch (thrown) {
      if (!(thrown instanceof StreamError)) throw thrown;
      this.unreadable = thrown;
      return this.held.release(Infinity);
    }
    if (this.cutAt !== undefined) return this.held.release(this.cutAt);
    return this.held.release(Math.min(this.reader?.knownTo ?? 0, ...this.open.map(waitsFrom)));
  }

  /** Nothing more comes; returns what was still held back. */
  end(): Buffer[] {
    return this.isOver ? [] : this.held.release(Infinity);
  }

  /** Throws StateError when an edit never found what it is about: a test that changes nothing proves nothing. */
  verify(): void {
    const missed = this.open.filter(({ done }) => !done).map(({ edit }) => JSON.stringify(edit));
    if (missed.length === 0) return;
    const why = this.unreadable
      ? `the stream could not be read: ${this.unreadable.message}`
      : 'the stream had nothing that it is about';
    throw new StateError(`${missed.join(', ')} changed nothing: ${why}`);
  }

  private begin(header: SectionHeader): void {
    const name = sectionName(header);
    for (const open of this.open) {
      if (open.done || startOf(open.edit) !== name) continue;
      open.from ??= header.offset;
      if (!('cut' in open.edit)) continue;
      open.done = true;
      this.cutAt ??= header.offset;
    }
  }

  private see(item: StreamItem): void {
    if (item.kind === 'section') this.arrive(item.section);
    else if (item.kind === 'description') {
      for (const open of this.open) if ('change' in open.edit) open.done = this.change(open.edit, item.description);
    } else if (item.kind === 'end') {
      // What was to be moved does not come any more.
      for (const open of this.open) if (!('change' in open.edit)) delete open.from;
    }
  }

  private arrive(section: Section): void {
    const name = sectionName(section);
    this.sections.set(name, { ...section });
    for (const open of this.open) {
      const { edit, from } = open;
      if (open.done) continue;
      if ('drop' in edit && edit.drop === name) {
        this.held.cut(section.offset, section.end);
        open.done = section.type === 'full' || section.type === 'end';
        delete open.from;
      } else if ('move' in edit && edit.move === name && from !== undefined) {
        this.held.move(section.offset, section.end, from);
        open.done = true;
      }
    }
  }

  private change(
    { change, field, byte = 0, xor = 0, set }: Extract<StreamEdit, { change: string }>,
    description: StreamDescription,
  ): boolean {
    const section = this.sections.get(change);
    const described = description.devices.find(
      ({ name, instance_id: instance }) => sectionName({ name, instance }) === change,
    );
    if (!section?.data || !described) return false;
    const found = find(unfold(section.data, layOut(section.data, described, section.bodyOffset)), section.data, field);
    if (!found || byte >= found.size) return false;
    const at = found.offset + byte;
    const value = (set ?? section.data[at] ?? 0) ^ xor;
    return this.held.replace(section.bodyOffset + at, value);
  }
}

interface OpenEdit {
  edit: StreamEdit;
  done: boolean;
  /** Where the section begins that the edit waits at; set when it has begun. */
  from?: number;
}

/** The section at which an edit begins to hold bytes back. */
function startOf(edit: StreamEdit): string {
  if ('drop' in edit) return edit.drop;
  if ('cut' in edit) return edit.cut;
  return 'move' in edit ? edit.before : edit.change;
}

/** From which offset on an edit holds bytes back. */
function waitsFrom({ from, done }: OpenEdit): number {
  return done || from === undefined ? Infinity : from;
}

function find(fields: readonly Field[], body: Buffer, wanted: string): { offset: number; size: number } | undefined {
  if (wanted === 'config') {
    const space = configSpaceOf(fields, body);
    return space && { offset: space.offset, size: space.config.length };
  }
  let exact: Field | undefined;
  const ending: Field[] = [];
  eachValue(fields, (path, field) => {
    const name = path.join('/');
    if (name === wanted) exact ??= field;
    else if (name.endsWith(`/${wanted}`)) ending.push(field);
  });
  return exact ?? (ending.length === 1 ? ending[0] : undefined);
}
