import { UsageError } from '../core/errors.js';
import { hex } from '../core/hex.js';

/** One function of a dump. */
export interface DumpedFunction {
  /** As the dump has it, without a domain of 0: "3b:00.4", "10000:e1:00.0"; absent where there is no heading. */
  address?: string;
  /** Configuration space; 64, 256 or 4096 bytes. */
  config: Uint8Array;
}

/** The parts of configuration space that a dump can hold: the header, the space of PCI, that of PCI Express. */
const sizes = [64, 256, 4096];
const lineBytes = 16;
const heading = /^(?:0000:)?(?<address>(?:[\da-f]{4,8}:)?[\da-f]{2}:[01][\da-f]\.[0-7])\b/i;
const row = /^(?<offset>[\da-f]{2,3}):(?<bytes>(?: [\da-f]{2}){16})\s*$/i;

/**
 * Reads `lspci -x`, `-xxx` or `-xxxx`, with or without `-v`, of one function or several; lines that are neither heading nor bytes are passed over.
 * Throws UsageError where there are no bytes, or not all.
 */
export function parseHexDump(text: string): DumpedFunction[] {
  const found: { address?: string; bytes: number[] }[] = [];
  let address: string | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const named = heading.exec(line)?.groups?.['address'];
    if (named !== undefined) address = named.toLowerCase();
    const { offset, bytes } = row.exec(line)?.groups ?? {};
    if (offset === undefined || bytes === undefined) continue;
    const at = Number.parseInt(offset, 16);
    if (at === 0) {
      found.push({ bytes: [], ...(address !== undefined && { address }) });
      address = undefined;
    }
    const last = found.at(-1);
    if (last?.bytes.length !== at) {
      throw new UsageError(
        `line ${index + 1} has the bytes at ${hex(at)}, those at ${hex(last?.bytes.length ?? 0)} were expected`,
      );
    }
    last.bytes.push(
      ...bytes
        .trim()
        .split(' ')
        .map((byte) => Number.parseInt(byte, 16)),
    );
  }
  if (found.length === 0) throw new UsageError("no line is one of lspci's hexadecimal dump, as in '00: 86 80 18 29 …'");
  return found.map(({ bytes, ...rest }) => ({ ...rest, config: whole(Uint8Array.from(bytes)) }));
}

/** A copy of /sys/bus/pci/devices/ADDRESS/config, or undefined for what cannot be one. */
export function rawConfig(bytes: Uint8Array): Uint8Array | undefined {
  return sizes.includes(bytes.length) && bytes.includes(0) ? bytes : undefined;
}

function whole(config: Uint8Array): Uint8Array {
  if (sizes.includes(config.length)) return config;
  throw new UsageError(
    `a function has ${config.length} bytes; ${sizes.join(', ')} were expected, in rows of ${lineBytes}`,
  );
}
