import type { FieldDescription, StateDescription } from './description.js';
import { StreamError } from '../errors.js';

/** One value of a device's state, or a structure of values. */
export interface Field {
  /** With the index of an element: "regs[3]". */
  name: string;
  /** As QEMU describes it: 'uint32', 'struct', 'buffer', 'pci config', … */
  type: string;
  /** In the section's body, in bytes. */
  offset: number;
  size: number;
  /** The parts of a structure; a subsection has the type 'subsection'. */
  parts?: Field[];
  /** How many values this is: an array of plain values, whose `size` is that of all of them. */
  count?: number;
}

const subsectionType = 0x05;
/** The most fields that are unfolded from one section: a description of some bytes could ask for any number. */
const mostFields = 1_000_000;

/**
 * Lays a description over the body of a section: one Field for each value, in the order of the stream. Throws StreamError, with an
 * offset in the stream, when the two do not fit; `bodyOffset` is where the body begins.
 */
export function layOut(body: Buffer, description: StateDescription, bodyOffset: number): Field[] {
  const layout = new Layout(body, bodyOffset);
  const fields = layout.state(description);
  layout.finish();
  return fields;
}

class Layout {
  private at = 0;
  private count = 0;

  constructor(
    private readonly body: Buffer,
    private readonly bodyOffset: number,
  ) {}

  state({ fields, subsections = [] }: StateDescription): Field[] {
    const found = fields.flatMap((field) => this.elements(field));
    for (const subsection of subsections) found.push(this.subsection(subsection));
    return found;
  }

  finish(): void {
    const left = this.body.length - this.at;
    if (left > 0) throw this.misfit(`the description of the section ends here, and ${left} bytes of it are left`);
  }

  private elements(field: FieldDescription): Field[] {
    const { array_len: length, index, struct, name } = field;
    if (length === undefined) return [this.field(field, index === undefined ? name : `${name}[${index}]`)];
    if (!struct) return [{ ...this.field({ ...field, size: field.size * length }, name), count: length }];
    const found: Field[] = [];
    for (let element = 0; element < length; element += 1) found.push(this.field(field, `${name}[${element}]`));
    return found;
  }

  private field({ type, size, struct }: FieldDescription, name: string): Field {
    this.count += 1;
    if (this.count > mostFields) throw this.misfit(`more than ${mostFields} fields are described`);
    const offset = this.at;
    if (struct) {
      const parts = this.state(struct);
      return { name, type, offset, size: this.at - offset, parts };
    }
    if (offset + size > this.body.length)
      throw this.misfit(
        `${size} bytes of ${name} were expected, and the section has ${this.body.length - offset} left`,
      );
    this.at += size;
    return { name, type, offset, size };
  }

  private subsection(described: StateDescription): Field {
    const offset = this.at;
    const expected = described.vmsd_name ?? '';
    const length = this.body[offset + 1] ?? 0;
    const name = this.body.toString('latin1', offset + 2, offset + 2 + length);
    if (this.body[offset] !== subsectionType || name !== expected)
      throw this.misfit(`the subsection ${expected} was expected`);
    this.at += 2 + length + 4;
    const parts = this.state(described);
    return { name, type: 'subsection', offset, size: this.at - offset, parts };
  }

  private misfit(what: string): StreamError {
    return new StreamError(this.bodyOffset + this.at, what);
  }
}

const unsigned = /^uint(8|16|32|64)/;
const signed = /^int(8|16|32|64)/;
const longestValue = 32;

/** The value of a field without parts, in words: numbers as 0x and hexadecimal digits, long buffers with their size. */
export function valueOf(field: Field, body: Buffer): string {
  const bytes = bytesOf(field, body);
  if (field.type === 'bool') return bytes[0] === 0 ? 'false' : 'true';
  if (field.type === 'nullptr') return 'null';
  if (field.size > 0 && field.size <= 8 && unsigned.test(field.type)) return `0x${bytes.toString('hex')}`;
  if (field.size > 0 && field.size <= 8 && signed.test(field.type)) return signedValue(bytes);
  if (field.type === 'le64' || field.type === 'le32') return `0x${Buffer.from(bytes).reverse().toString('hex')}`;
  if (field.type === 'timer' || field.type === 'cpudouble' || field.type === 'float64')
    return `0x${bytes.toString('hex')}`;
  return bufferInWords(bytes);
}

function signedValue(bytes: Buffer): string {
  return String(BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`)));
}

/** Any bytes in words: text where it is some, a repeated byte once, of many the first, with how many there are. */
export function bufferInWords(bytes: Buffer): string {
  if (bytes.length === 0) return 'empty';
  const text = /^[\x20-\x7e]{3,}(?=\0*$)/.exec(bytes.toString('latin1'))?.[0];
  if (text !== undefined) return JSON.stringify(text);
  const isSame = bytes.every((byte) => byte === bytes[0]);
  if (isSame && bytes.length > 8) return `${bytes.length} bytes of 0x${bytes.toString('hex', 0, 1)}`;
  if (bytes.length <= longestValue) return bytes.toString('hex');
  return `${bytes.toString('hex', 0, longestValue)}… (${bytes.length} bytes)`;
}

/** The bytes of a field, in the section's body. */
export function bytesOf({ offset, size }: Field, body: Buffer): Buffer {
  return body.subarray(offset, offset + size);
}

/** The values of an array, one after the other. */
export function* elementsOf({ name, type, offset, size, count = 0 }: Field): Generator<Field> {
  const width = size / count;
  for (let index = 0; index < count; index += 1)
    yield { name: `${name}[${index}]`, type, offset: offset + index * width, size: width };
}

/** Calls `see` for each field that has no parts, with the names that lead to it; an array of plain values is one field. */
export function eachField(
  fields: readonly Field[],
  see: (path: readonly string[], field: Field) => void,
  path: readonly string[] = [],
): void {
  for (const field of fields) {
    const own = [...path, field.name];
    if (field.parts) eachField(field.parts, see, own);
    else see(own, field);
  }
}

/** The same for each value: arrays are taken apart. */
export function eachValue(fields: readonly Field[], see: (path: readonly string[], field: Field) => void): void {
  eachField(fields, (path, field) => {
    if (field.count === undefined) see(path, field);
    else for (const element of elementsOf(field)) see([...path.slice(0, -1), element.name], element);
  });
}
