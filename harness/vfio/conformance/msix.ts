import { hex } from '../../core/hex.js';
import { RefusedError } from '../channel.js';
import { regions } from '../protocol/numbers.js';
import { type Bench, enableMsix } from './bench.js';
import type { Check } from './check.js';

const source = 'PCI Local Bus Specification 3.0, 6.8.2; nutanix/libvfio-user issue 640';
const capabilityBytes = 12;

/** One write into the MSI-X capability. */
interface Write {
  /** From the start of the capability, in bytes. */
  at: number;
  data: readonly number[];
  /** What may be refused as a whole: a write of read-only bytes that no driver makes. */
  mayRefuse?: boolean;
  why: string;
}

/** The writes of seed 003 and those around it. In each, only MSI-X Enable and Function Mask may change. */
const writes: readonly Write[] = [
  {
    at: 3,
    data: [0x80, 0x00],
    why: 'as the QEMU of the bug report does when it loads a device, in vfio_pci_load_config',
  },
  { at: 3, data: [0x80], why: 'MSI-X Enable alone' },
  { at: 3, data: [0xc0, 0xff], why: 'Table BIR and the low bits of Table Offset must stay' },
  { at: 2, data: [0xff, 0x80], why: 'Message Control as a driver writes it; Table Size must stay' },
  { at: 2, data: [0xff], mayRefuse: true, why: 'the low byte of Table Size must stay' },
  { at: 0, data: [0x11, 0xff, 0xff, 0xc0], mayRefuse: true, why: 'the word with the header of the capability' },
  { at: 4, data: [0xff, 0xff, 0xff, 0xff], mayRefuse: true, why: 'Table Offset must stay' },
  { at: 8, data: [0xff, 0xff, 0xff, 0xff], mayRefuse: true, why: 'PBA Offset must stay' },
  { at: 1, data: [0xff, 0xff], mayRefuse: true, why: 'the Next Capability Pointer must stay' },
  { at: 2, data: [0xff, 0xc0, 0xff, 0xff], mayRefuse: true, why: 'Message Control and half of Table Offset' },
  { at: 3, data: [0xc0, 0xff, 0xff, 0xff], mayRefuse: true, why: 'from the middle of Message Control' },
  { at: 0, data: [0x11, ...Array<number>(11).fill(0xff)], mayRefuse: true, why: 'the whole capability' },
];

/** Every access around MSI-X Message Control: what is refused, what is changed, judged by reading it back. */
export const msixChecks: readonly Check[] = [
  ...writes.map((write) => ({
    name: `MSI-X: ${bytesOf(write)} ${hexBytes(write.data.slice(0, 4))} at +${write.at}`,
    proves: `A write of ${bytesOf(write)} at +${write.at} of the MSI-X capability changes what can be written, and nothing else (${write.why}).`,
    source,
    run: (bench: Bench) => checkWrite(bench, write),
  })),
  {
    name: 'MSI-X: reads of every size and alignment',
    proves: 'The capability reads the same in 1, 2, 3, 4, 8 and 12 bytes from each of its bytes on.',
    source,
    run: async (bench) => {
      const client = await bench.client();
      const offset = await bench.msixOffset();
      const whole = (await bench.config()).subarray(offset, offset + capabilityBytes);
      for (const count of [1, 2, 3, 4, 8, 12]) {
        for (let at = 0; at + count <= capabilityBytes; at++) {
          bench.begin();
          const read = await client.read(regions.config, offset + at, count);
          if (!read.equals(whole.subarray(at, at + count))) {
            bench.find(`${count} bytes at +${at} read ${hexBytes([...read])}, and in words they are otherwise`);
          }
        }
      }
    },
  },
];

async function checkWrite(bench: Bench, write: Write): Promise<void> {
  const client = await bench.client();
  const offset = await bench.msixOffset();
  await enableMsix(client, offset, false);
  const before = (await bench.config()).subarray(offset, offset + capabilityBytes);
  bench.begin();
  const refused = await refusalOf(client.write(regions.config, offset + write.at, Buffer.from(write.data)));
  const after = await client.read(regions.config, offset, capabilityBytes);
  const expected = Buffer.from(before);
  const control = refused ? undefined : write.data[3 - write.at];
  if (control !== undefined) expected[3] = ((before[3] ?? 0) & 0x3f) | (control & 0xc0);
  const what = `the write of ${hexBytes(write.data)} at ${hex(offset + write.at)}`;
  if (refused && write.mayRefuse === true) bench.note(`${what} is refused: ${refused.message}`);
  else if (refused) bench.find(`${what} is refused: ${refused.message}`);
  if (!after.equals(expected)) {
    bench.find(
      `after ${what} the capability reads ${hexBytes([...after])}, and ${hexBytes([...expected])} was expected`,
    );
  }
  await enableMsix(client, offset, false);
}

/** The refusal that a promise ends in, if it does; throws anything else. */
async function refusalOf(acting: Promise<unknown>): Promise<RefusedError | undefined> {
  try {
    await acting;
    return undefined;
  } catch (thrown) {
    if (thrown instanceof RefusedError) return thrown;
    throw thrown;
  }
}

function bytesOf({ data }: Write): string {
  return data.length === 1 ? '1 byte' : `${data.length} bytes`;
}

function hexBytes(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
