import type { Reading, StreamBytes } from './bytes.js';
import { StreamError } from './errors.js';
import type { SectionHeader } from './section.js';

/** The byte that begins the footer of a section; the section's id follows. */
export const footerType = 0x7e;
/** Type and id. */
export const footerBytes = 5;
/** State of one section is kept up to this size, in bytes; of a larger one only the size is known. */
const mostKept = 16 * 1024 * 1024;
/** The longest look at what follows a footer: a section's type, id, name with its length, instance and version. */
const lookBytes = 1 + 4 + 1 + 255 + 8;

/** Reads the footer, which must be that of the section. */
export function* readFooter(bytes: StreamBytes, { id, name }: SectionHeader): Reading<void> {
  const at = bytes.offset;
  const type = yield* bytes.u8(`the footer of ${name}`);
  const own = yield* bytes.u32(`the footer of ${name}`);
  if (type === footerType && own === id) return;
  const found = type === footerType ? `the footer of section ${own}` : `the byte 0x${type.toString(16)}`;
  throw new StreamError(at, `the footer of ${name} (section ${id}) was expected, and here is ${found}`);
}

/** The body of a section that nothing says the length of. */
export interface FramedBody {
  size: number;
  /** The body; undefined when it was too large to be kept. */
  data?: Buffer;
}

/**
 * Reads a section's body up to its footer and past it, without knowing what the body is: the end is where the footer's five bytes
 * stand with something after them that can follow a section. Machine types before 2.4 have no footers, and are refused.
 */
export function* readFramed(bytes: StreamBytes, header: SectionHeader): Reading<FramedBody> {
  const footer = Buffer.alloc(footerBytes, footerType);
  footer.writeUInt32BE(header.id, 1);
  let dropped = 0;
  let searched = 0;
  for (;;) {
    const here = bytes.peek();
    const at = here.indexOf(footer, searched);
    const follows = at === -1 ? 'no' : whatFollows(here.subarray(at + footerBytes));
    if (follows === 'yes') {
      const data = yield* bytes.take(at, header.name);
      bytes.hop(footerBytes);
      return { size: dropped + at, ...(dropped === 0 && { data }) };
    }
    if (at !== -1 && follows === 'no') {
      searched = at + 1;
      continue;
    }
    // The footer may be cut by the end of what has come, or what follows it.
    searched = at === -1 ? Math.max(0, here.length - footerBytes + 1) : at;
    if (here.length > mostKept) {
      bytes.hop(searched);
      dropped += searched;
      searched = 0;
    }
    yield* more(bytes, header);
  }
}

/** Waits for one byte more than there are. */
function* more(bytes: StreamBytes, { name, id, offset }: SectionHeader): Reading<void> {
  yield* bytes.need(bytes.available + 1, `the footer of ${name} (section ${id}, which began at offset ${offset})`);
}

/** Whether what stands after a footer can follow a section; 'unsure' while too little has come to tell. */
function whatFollows(next: Buffer): 'yes' | 'no' | 'unsure' {
  const type = next[0];
  if (type === undefined) return 'unsure';
  if (type === 0x00) return afterEnd(next);
  if (type === 0x02 || type === 0x03) return next.length < 5 ? 'unsure' : 'yes';
  if (type === 0x08) return next.length < 3 ? 'unsure' : yesIf(next.readUInt16BE(1) >= 1 && next.readUInt16BE(1) <= 11);
  if (type !== 0x01 && type !== 0x04) return 'no';
  const length = next[5];
  if (length === undefined) return 'unsure';
  const name = next.subarray(6, 6 + length);
  if (length === 0 || !name.every((byte) => byte >= 0x20 && byte < 0x7f)) return 'no';
  return next.length < Math.min(lookBytes, 6 + length) ? 'unsure' : 'yes';
}

/** After the end of a stream comes its description, or nothing. */
function afterEnd(next: Buffer): 'yes' | 'no' {
  if (next.length < 2) return 'yes';
  return yesIf(next[1] === 0x06 && (next[6] === undefined || next[6] === 0x7b));
}

function yesIf(condition: boolean): 'yes' | 'no' {
  return condition ? 'yes' : 'no';
}
