import { ProtocolError } from '../../core/errors.js';

/** Fields of a payload in their order, each with its width in bytes. */
export type Layout = Readonly<Record<string, 2 | 4 | 8>>;

/** The values of a layout: numbers, and bigint where a field takes 8 bytes. */
export type Values<L extends Layout> = { -readonly [K in keyof L]: L[K] extends 8 ? bigint : number };

/** One kind of payload: numbers at the front, little-endian and without gaps, and after them data if there is any. */
export class Struct<const L extends Layout> {
  /** Of the numbers alone. */
  readonly bytes: number;

  /** @param name as the message of an error has it: "region info". */
  constructor(
    readonly name: string,
    private readonly layout: L,
  ) {
    this.bytes = Object.values(layout).reduce<number>((sum, width) => sum + width, 0);
  }

  encode(values: Values<L>, data: Uint8Array = Buffer.alloc(0)): Buffer {
    const payload = Buffer.alloc(this.bytes + data.length);
    let at = 0;
    for (const [name, width] of Object.entries(this.layout)) {
      const value: number | bigint = values[name as keyof L];
      if (typeof value === 'bigint') payload.writeBigUInt64LE(value, at);
      else payload.writeUIntLE(value, at, width);
      at += width;
    }
    payload.set(data, at);
    return payload;
  }

  /** The numbers, and what comes after them. Throws ProtocolError when the payload is too short for the numbers. */
  decode(payload: Buffer): { values: Values<L>; data: Buffer } {
    if (payload.length < this.bytes) {
      throw new ProtocolError(`a ${this.name} takes ${this.bytes} bytes, and ${payload.length} came`);
    }
    const values: Record<string, number | bigint> = {};
    let at = 0;
    for (const [name, width] of Object.entries(this.layout)) {
      values[name] = width === 8 ? payload.readBigUInt64LE(at) : payload.readUIntLE(at, width);
      at += width;
    }
    return { values: values as Values<L>, data: payload.subarray(at) };
  }

  /** The numbers of a payload that holds nothing else. Throws ProtocolError when it is shorter or longer. */
  decodeWhole(payload: Buffer): Values<L> {
    const { values, data } = this.decode(payload);
    if (data.length > 0) {
      throw new ProtocolError(`a ${this.name} takes ${this.bytes} bytes, and ${payload.length} came`);
    }
    return values;
  }
}
