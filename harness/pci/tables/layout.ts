/** A bit field: its name as the specification abbreviates it, or in full where it has no abbreviation. */
export interface RegisterBits {
  name: string;
  /** The name in full, where `name` is an abbreviation. */
  title?: string;
  /** Lowest bit of the field within the register. */
  shift: number;
  /** In bits. */
  width: number;
  meaning?: (value: number) => string;
}

export interface Register {
  name: string;
  /** Within its header or capability, in bytes. */
  offset: number;
  /** In bytes. */
  width: number;
  bits: RegisterBits[];
}

/** The registers of a capability, and its name. A capability without a table has names for its bytes only. */
export interface CapabilityLayout {
  name: string;
  registers: Register[];
}

type Meanings = Readonly<Record<number, string>>;
export type BitRow = [name: string, shift: number, width?: number, title?: string, meanings?: Meanings];

/** One register, as a row: where, what, and its bits as rows of name, lowest bit, width, full name and meanings of values. */
export function register(
  [offset, width]: [offset: number, width: number],
  name: string,
  rows: BitRow[] = [],
): Register {
  return { name, offset, width, bits: rows.map(bits) };
}

function bits([name, shift, width, title, meanings]: BitRow): RegisterBits {
  return {
    name,
    ...(title && { title }),
    shift,
    width: width ?? 1,
    ...(meanings && { meaning: (value: number) => meanings[value] ?? `0x${value.toString(16)}` }),
  };
}
