import type { Reading, StreamBytes } from './bytes.js';

/** `start`, `part` and `end` belong to state that is sent in rounds while the guest runs; `full` is sent once. */
export type SectionType = 'start' | 'part' | 'end' | 'full';

/** What a section says of itself before its body. */
export interface SectionHeader {
  type: SectionType;
  id: number;
  /** The idstr of the `start` or `full` section that began this id: "ram", "0000:00:12.0/pcie-root-port". */
  name: string;
  instance: number;
  version: number;
  /** Where the section begins, in bytes from the start of the stream. */
  offset: number;
}

/** How people and edits name a section: by its name, and its instance where that is not 0. */
export function sectionName({ name, instance }: { name: string; instance: number }): string {
  return instance === 0 ? name : `${name} ${instance}`;
}

/** What stands in a section whose body has a format of its own. */
export interface BodyContent {
  format: string;
  /** Things and bytes, by what they are: { rawPages: 120, zeroPages: 3976 }. Those of several sections can be added. */
  counts: Record<string, number>;
  /** Marks that matter for their order or value, with where they stand. */
  marks?: { name: string; offset: number }[];
}

/** Reads the bodies of one kind of iterable section, from after the header to before the footer. One is made for each stream. */
export interface BodyReader {
  read(bytes: StreamBytes, header: SectionHeader): Reading<BodyContent>;
}
