import { bodyReaders } from './bodies/bodies.js';
import type { StreamBytes } from './bytes.js';
import { type Reading } from './bytes.js';
import { readCommand, type StreamCommand } from './command.js';
import { type Configuration, noConfiguration, readConfiguration } from './configuration.js';
import { parseDescription, type StreamDescription } from './state/description.js';
import { StreamError } from './errors.js';
import { readFooter, readFramed } from './footer.js';
import { type PageObserver, type RamBlock, RamReader } from './ram.js';
import type { BodyContent, BodyReader, SectionHeader, SectionType } from './section.js';

/** A section that was read to its end. */
export interface Section extends SectionHeader {
  /** Where the body begins, in bytes from the start of the stream. */
  bodyOffset: number;
  /** Bytes of the body: without header and footer. */
  bodyBytes: number;
  /** Where the next thing begins. */
  end: number;
  /** What an iterable section holds. */
  content?: BodyContent;
  /** The body of a `full` section; undefined when it is larger than 16 MiB. */
  data?: Buffer;
  /** True within a package: the state of a guest that goes on in postcopy. */
  packaged?: true;
}

/** What a reader tells while a stream comes in, in its order. */
export type StreamItem =
  | { kind: 'configuration'; offset: number; end: number; configuration: Configuration }
  | { kind: 'section'; section: Section }
  | { kind: 'command'; command: StreamCommand }
  | { kind: 'end'; offset: number }
  | { kind: 'description'; offset: number; end: number; description: StreamDescription };

export interface ReadOptions {
  onItem: (item: StreamItem) => void;
  /** Called when a section begins, before its body is read. */
  onSection?: (header: SectionHeader) => void;
  /** Called for each page of RAM that stands in the stream as it is; reading becomes slower by it. */
  onPage?: PageObserver;
}

/** What the whole stream came to. */
export interface StreamTotals {
  bytes: number;
  configuration: Configuration;
  blocks: RamBlock[];
  /** Bytes after the end, which belong to nothing. */
  trailingBytes: number;
}

const magic = 0x5145564d;
const types: Readonly<Record<number, SectionType>> = { 1: 'start', 2: 'part', 3: 'end', 4: 'full' };
const endType = 0x00;
const descriptionType = 0x06;
const configurationType = 0x07;
const commandType = 0x08;
/** The largest description that is taken, in bytes; a machine with a thousand devices has some 20 MB. */
const mostDescribed = 128 * 1024 * 1024;

/**
 * Reads QEMU's migration stream (the main channel), as far as it comes. Memory depends on the largest section of device state and never
 * on the length of the stream. Throws StreamError where it is not what the format allows.
 * Source: QEMU 5.2–10.0 migration/savevm.c, docs/devel/migration.
 */
export class StreamReader {
  private configuration = noConfiguration;
  private readonly begun = new Map<number, { header: SectionHeader; reader?: BodyReader }>();
  private ram: RamReader | undefined;
  private packageEnd = 0;
  private undecided: number | undefined;

  constructor(
    private readonly bytes: StreamBytes,
    private readonly options: ReadOptions,
  ) {}

  /** Up to where it is known what the bytes are: the start of an item whose header is still to come, or what was read. */
  get knownTo(): number {
    return this.undecided ?? this.bytes.offset;
  }

  /** The whole stream, from its first byte to the end of the input. */
  *read(): Reading<StreamTotals> {
    const { bytes } = this;
    yield* this.readHeader();
    for (;;) {
      const offset = (this.undecided = bytes.offset);
      const type = yield* bytes.u8('a section, a command or the end of the stream');
      if (type === endType) {
        this.undecided = undefined;
        this.options.onItem({ kind: 'end', offset });
        break;
      }
      yield* this.readItem(type, offset);
    }
    yield* this.readDescription();
    const end = bytes.offset;
    while (!(yield* bytes.isOver())) yield* bytes.skip(bytes.available, 'what follows the end');
    const { configuration, ram } = this;
    return { bytes: bytes.offset, configuration, blocks: ram?.blocks ?? [], trailingBytes: bytes.offset - end };
  }

  private *readHeader(): Reading<void> {
    const found = yield* this.bytes.u32("the mark of a migration stream, 'QEVM',");
    if (found !== magic)
      throw new StreamError(
        0,
        `'QEVM' (0x5145564d) was expected, the mark of a migration stream, and here is 0x${found.toString(16)}`,
      );
    const version = yield* this.bytes.u32('the version of the stream');
    if (version !== 3) throw new StreamError(4, `version 3 of the stream was expected, and this is ${version}`);
  }

  private *readItem(type: number, offset: number): Reading<void> {
    const { bytes } = this;
    const section = types[type];
    if (section) {
      const header = yield* this.readSectionHeader(section, offset);
      this.options.onSection?.(header);
      this.undecided = undefined;
      return yield* this.readSection(header);
    }
    if (type === commandType) {
      const command = yield* readCommand(bytes, offset);
      if (command.name === 'packaged') this.packageEnd = bytes.offset + command.data.readUInt32BE();
      return this.options.onItem({ kind: 'command', command });
    }
    if (type !== configurationType)
      throw new StreamError(
        offset,
        `a section, a command or the end was expected, and the byte 0x${type.toString(16)} begins none of them`,
      );
    this.configuration = yield* readConfiguration(bytes);
    this.options.onItem({ kind: 'configuration', offset, end: bytes.offset, configuration: this.configuration });
  }

  private *readSectionHeader(type: SectionType, offset: number): Reading<SectionHeader> {
    const { bytes } = this;
    const id = yield* bytes.u32('the id of a section');
    if (type === 'part' || type === 'end') {
      const begun = this.begun.get(id);
      if (!begun)
        throw new StreamError(offset, `a section that has begun was expected to go on, and section ${id} never began`);
      return { ...begun.header, type, offset };
    }
    const name = yield* bytes.name('the name of a section');
    const instance = yield* bytes.u32(`the instance of ${name}`);
    const version = yield* bytes.u32(`the version of ${name}`);
    return { type, id, name, instance, version, offset };
  }

  private *readSection(header: SectionHeader): Reading<void> {
    const { bytes } = this;
    const bodyOffset = bytes.offset;
    const reader = this.readerOf(header);
    const packaged = header.offset < this.packageEnd && { packaged: true as const };
    if (reader) {
      const content = yield* reader.read(bytes, header);
      const bodyBytes = bytes.offset - bodyOffset;
      yield* readFooter(bytes, header);
      this.tell({ ...header, bodyOffset, bodyBytes, end: bytes.offset, content, ...packaged });
      return;
    }
    const { size, data } = yield* readFramed(bytes, header);
    this.tell({ ...header, bodyOffset, bodyBytes: size, end: bytes.offset, ...(data && { data }), ...packaged });
  }

  private tell(section: Section): void {
    this.options.onItem({ kind: 'section', section });
  }

  /** Who reads the body; undefined where only the footer tells how long it is. */
  private readerOf(header: SectionHeader): BodyReader | undefined {
    const { type, id, name } = header;
    if (type === 'part' || type === 'end') return this.begun.get(id)?.reader;
    if (type === 'full') return undefined;
    const reader = name === 'ram' ? this.ramReader() : bodyReaders(name);
    this.begun.set(id, { header, ...(reader && { reader }) });
    return reader;
  }

  private ramReader(): RamReader {
    const { pageBytes, capabilities } = this.configuration;
    this.ram = new RamReader({
      pageBytes,
      ignoreShared: capabilities.includes('x-ignore-shared'),
      mappedRam: capabilities.includes('mapped-ram'),
      ...(this.options.onPage && { onPage: this.options.onPage }),
    });
    return this.ram;
  }

  /** The description is missing where the machine type does not send one, and in postcopy. */
  private *readDescription(): Reading<void> {
    const { bytes } = this;
    if ((yield* bytes.isOver()) || bytes.peek()[0] !== descriptionType) return;
    const offset = bytes.offset;
    bytes.hop(1);
    const length = yield* bytes.u32('the length of the description');
    if (length > mostDescribed)
      throw new StreamError(
        offset,
        `the length of the description was expected, and ${length} bytes are beyond all reason`,
      );
    const text = yield* bytes.take(length, 'the description of the devices');
    const description = parseDescription(text, offset + 5);
    this.options.onItem({ kind: 'description', offset, end: bytes.offset, description });
  }
}
