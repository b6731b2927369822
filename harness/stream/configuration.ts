import type { Reading, StreamBytes } from './bytes.js';
import { StreamError } from './errors.js';

/** What the configuration section says. Source: QEMU 5.2–10.0 migration/savevm.c, vmstate_configuration. */
export interface Configuration {
  machineType: string;
  /** Bytes of a target page; 4096 where the section does not tell. */
  pageBytes: number;
  /** Capabilities of the source that the destination must have too: "x-ignore-shared", "mapped-ram". */
  capabilities: string[];
  /** The machine's UUID, where the capability validate-uuid sends it. */
  uuid?: string;
}

/** What holds for a stream without a configuration section (machine types before 2.4). */
export const noConfiguration: Configuration = { machineType: '', pageBytes: 4096, capabilities: [] };

const subsectionType = 0x05;

/** Reads the section from after its type byte. */
export function* readConfiguration(bytes: StreamBytes): Reading<Configuration> {
  const at = bytes.offset;
  const length = yield* bytes.u32("the length of the machine type's name");
  if (length > 255)
    throw new StreamError(at, `the length of the machine type's name was expected, and this is ${length}`);
  const machineType = (yield* bytes.take(length, "the machine type's name")).toString('latin1');
  const found: Configuration = { ...noConfiguration, machineType };
  while (yield* isSubsection(bytes)) yield* readSubsection(bytes, found);
  return found;
}

function* isSubsection(bytes: StreamBytes): Reading<boolean> {
  return !(yield* bytes.isOver()) && bytes.peek()[0] === subsectionType;
}

function* readSubsection(bytes: StreamBytes, found: Configuration): Reading<void> {
  const at = bytes.offset;
  yield* bytes.u8('a subsection');
  const name = yield* bytes.name('the name of a subsection');
  yield* bytes.u32('the version of a subsection');
  if (name === 'configuration/target-page-bits') {
    const bits = yield* bytes.u32('the bits of a target page');
    if (bits < 9 || bits > 20)
      throw new StreamError(at, `the bits of a target page were expected, and this is ${bits}`);
    found.pageBytes = 2 ** bits;
  } else if (name === 'configuration/capabilities') {
    const count = yield* bytes.u32('the number of capabilities');
    found.capabilities = [];
    for (let index = 0; index < count; index += 1)
      found.capabilities.push(yield* bytes.name('the name of a capability'));
  } else if (name === 'configuration/uuid') {
    found.uuid = yield* bytes.uuid('the UUID of the machine');
  } else
    throw new StreamError(at, `a subsection of the configuration was expected, and '${name}' is none that is known`);
}
