import { hex } from '../core/hex.js';
import {
  bitsOf,
  capabilityAt,
  headerRegisterAt,
  type Register,
  registerAt,
  type RegisterBits,
} from '../pci/registers.js';
import type { NamedDevice } from './device-name.js';
import type { ErrorFields } from './error-rules.js';

export type ConfigMismatch = Extract<ErrorFields, { kind: 'config-mismatch' }>;

/** A byte of configuration space that the destination refused, in the words of the specification. */
export interface ExplainedMismatch {
  summary: string;
  /** The register, where it is known which covers the byte. */
  register?: string;
  /** The capability that holds it, and where that begins: "PCI Express at 0x54". */
  capability?: string;
  /** Which bits the destination compares, and which may differ; only where the log tells the masks. */
  why?: string;
  /** Names of the bits that made the destination refuse. */
  bits: string[];
}

const allBits = 0xff;
const headerBytes = 0x40;

/** Says which register and which of its bits differ; only bits count that the destination compares (hw/pci/pci.c). */
export function explainMismatch(mismatch: ConfigMismatch, device: NamedDevice): ExplainedMismatch {
  const { offset, read } = mismatch;
  const register = registerOf(offset, device);
  const why = whyFatal(mismatch, register);
  if (!register) {
    const values = `is ${hex(read)} in the stream, ${hex(mismatch.device)} on the destination`;
    return {
      summary: `Offset ${hex(offset)} in the configuration space of ${device.name}: ${values}`,
      bits: [],
      ...why,
    };
  }
  const first = 8 * (offset - register.offset);
  const refused = (read ^ mismatch.device) & comparedBits(mismatch);
  const fields = register.bits.filter((field) => overlap(field, first, refused));
  const details = fields.map((field) => describe(field, mismatch, first));
  if (details.length === 0) details.push(wholeByte(mismatch, register));
  return {
    summary: `${register.name} of ${device.name}: ${details.join('; ')}`,
    register: register.name,
    bits: fields.map(({ name }) => name),
    ...capabilityOf(offset, device),
    ...why,
  };
}

function capabilityOf(offset: number, { known }: NamedDevice): { capability?: string } {
  const found = known && capabilityAt(known.config, offset);
  return found ? { capability: `${found.name} at ${hex(found.offset)}` } : {};
}

/**
 * The masks in words. QEMU compares a bit that is in `cmask` and in neither of the others (hw/pci/pci.c, get_pci_config_device).
 */
function whyFatal(mismatch: ConfigMismatch, register: Register | undefined): { why?: string } {
  const { cmask, wmask, w1cmask, offset } = mismatch;
  if (cmask === undefined) return {};
  const first = register ? 8 * (offset - register.offset) : 0;
  const inMask = (mask: number): string => {
    const names = register?.bits.filter((field) => overlap(field, first, mask)).map(({ name }) => name) ?? [];
    return names.length > 0 ? `${names.join(', ')} (mask ${hex(mask)})` : `mask ${hex(mask)}`;
  };
  const may = [
    ...(wmask ? [`${inMask(wmask)}, which the guest writes (wmask)`] : []),
    ...(w1cmask ? [`${inMask(w1cmask)}, which the guest clears by writing 1 (w1cmask)`] : []),
    ...(cmask === allBits
      ? []
      : [`${inMask(~cmask & allBits)}, which the device leaves out of the comparison (cmask)`]),
  ];
  const must = inMask((mismatch.read ^ mismatch.device) & comparedBits(mismatch));
  const others = may.length === 0 ? 'no bit of this byte may differ' : `in this byte may differ: ${may.join('; ')}`;
  return { why: `the destination compares ${must} with its own device, and the guest cannot change it; ${others}` };
}

function registerOf(offset: number, { known }: NamedDevice): Register | undefined {
  if (known) return registerAt(known.config, offset);
  return offset < headerBytes ? headerRegisterAt(offset) : undefined;
}

/** Bits checked on load: in `cmask`, and neither writable nor cleared by writing. Without masks, all. */
function comparedBits({ cmask, wmask, w1cmask }: ConfigMismatch): number {
  return (cmask ?? allBits) & ~(wmask ?? 0) & ~(w1cmask ?? 0) & allBits;
}

/** Whether the field has a bit among `refused`, which is the byte of the register that starts at bit `first`. */
function overlap({ shift, width }: RegisterBits, first: number, refused: number): boolean {
  for (let bit = 0; bit < 8; bit += 1) {
    const at = first + bit;
    if ((refused >> bit) & 1 && at >= shift && at < shift + width) return true;
  }
  return false;
}

function describe(field: RegisterBits, { offset, read, device }: ConfigMismatch, first: number): string {
  const name = field.title === undefined ? field.name : `${field.name} (${field.title})`;
  // The line tells one byte: of a field that reaches beyond it, no whole value is known.
  if (field.shift < first || field.shift + field.width > first + 8) {
    return `${name}: byte ${hex(offset)} is ${hex(read)} in the stream, ${hex(device)} on the destination`;
  }
  const within = { ...field, shift: field.shift - first };
  return `${name} is ${valueOf(within, read)} in the stream, ${valueOf(within, device)} on the destination`;
}

function valueOf(field: RegisterBits, byte: number): string {
  const value = bitsOf(byte, field);
  const meaning = field.meaning?.(value);
  return meaning === undefined ? `${value}` : `${value} (${meaning})`;
}

function wholeByte({ offset, read, device }: ConfigMismatch, { width }: Register): string {
  const where = width === 1 ? '' : `byte ${hex(offset)} `;
  return `${where}is ${hex(read)} in the stream, ${hex(device)} on the destination`;
}
