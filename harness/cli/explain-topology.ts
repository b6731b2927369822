import { defaultArch, forArchitecture } from '../build/architecture.js';
import type { Build } from '../build/build.js';
import { namesAtHand } from '../build/listing.js';
import { namesFor, resolveBuild } from '../build/resolve.js';
import { Deadline } from '../core/deadline.js';
import { GodwitError, messageOf } from '../core/errors.js';
import { hex } from '../core/hex.js';
import type { KnownFunction, PlacedDevice, TopologyView } from '../diagnosis/device-name.js';
import { diagnoseLines } from '../diagnosis/diagnose.js';
import type { ErrorLine } from '../diagnosis/error-lines.js';
import { placeDevices } from '../diagnosis/placed-devices.js';
import { stagedDevice } from '../diagnosis/staged-device.js';
import type { ConfigSnapshot } from '../guest/config-snapshot.js';
import { probeConfigSpace, shapingWords } from '../guest/probe.js';
import { splitWords } from '../machine/words.js';
import { usualBuilds } from '../run/usual.js';
import { type BySection, type DumpedSpaces, inDump } from './explain-spaces.js';

/** All that a user gave. */
export interface Given {
  text: string;
  messages: readonly ErrorLine[];
  words?: string[];
  build?: string;
  machineType?: string;
  /** Configuration space that the user has: of a device that nobody else can start, say. */
  dump?: DumpedSpaces;
  stream?: BySection;
}

/** What is known of the machine, and in which sentences that is put. */
export interface Surmise {
  topology: TopologyView;
  notes: string[];
}

const probeMs = 15_000;
const headerBytes = 0x40;

/** What a machine is started with for a look at its configuration space. */
interface Attempt {
  words: string[];
  /** What is assumed, to be told when this attempt is the one that served. */
  note?: string;
}

/**
 * Finds out what it can of the machine that printed a log: devices from its command line, or from one that the text quotes; configuration space from
 * a probe of the build, where a message needs it. Throws only for a build or machine type that the user named and that is none.
 */
export async function surmise(given: Given): Promise<Surmise> {
  const words = given.words ?? quotedDevices(given.text);
  const machineType =
    given.machineType ?? machineTypeIn(words) ?? /\bpc-(?:q35|i440fx)-\d+\.\d+\b/.exec(given.text)?.[0];
  const placed = placeDevices(words, machineType);
  const byPlace: TopologyView['byPlace'] = (place) => placed.get(place);
  const without: TopologyView = { byAddress: () => undefined, byPlace };
  const mismatch = mismatchToPlace(given.messages, without);
  if (mismatch === undefined) return { topology: without, notes: [] };
  const { section } = mismatch;
  const bySection = suppliedSpaces(given, { about: section, byPlace });
  const supplied = bySection(section);
  if (supplied) return { topology: { ...without, bySection }, notes: doubts(mismatch, supplied) };
  const missing = given.dump || given.stream ? [`the configuration space of ${section} is not in what was given`] : [];
  if (isOfTheHost(section)) return { topology: without, notes: [...missing, ...supply(mismatch)] };
  const { topology, notes } = await probed(given, { section, words, machineType, placed });
  return { topology: { ...topology, byPlace }, notes: [...missing, ...notes] };
}

async function probed(
  given: Given,
  {
    section,
    words,
    machineType,
    placed,
  }: { section: string; words: string[]; machineType: string | undefined; placed: ReadonlyMap<string, PlacedDevice> },
): Promise<Surmise> {
  const without: TopologyView = { byAddress: () => undefined };
  const staged = stagedDevice(section);
  const attempts: Attempt[] = [
    ...(placed.size > 0 ? [{ words: shapingWords(words) }] : []),
    ...staged.map(({ driver, words: alone }) => ({
      words: alone,
      note: `assuming a ${driver} with its default properties`,
    })),
  ];
  const target = await chooseBuild(given, machineType);
  if (typeof target === 'string') return { topology: without, notes: [target] };
  const found = await probe(target, attempts);
  if (!found) {
    return {
      topology: without,
      notes: [
        `the devices of this log do not start in ${target.words}: --cmdline with the command line of the destination would say more`,
      ],
    };
  }
  return { topology: { byAddress: (address) => found.snapshot.get(address) }, notes: found.notes };
}

/** The first mismatch of a device that the log names: its register only the device itself can tell. */
interface PlacedMismatch {
  section: string;
  offset: number;
  /** The byte on either side. */
  values: number[];
}

function mismatchToPlace(messages: readonly ErrorLine[], view: TopologyView): PlacedMismatch | undefined {
  const findings = diagnoseLines('destination', messages, view);
  const found = findings.find(({ kind, fields }) => kind === 'config-mismatch' && fields['section'] !== undefined);
  if (!found) return undefined;
  const { section, offset, read, device } = found.fields;
  return { section: String(section), offset: Number(offset), values: [Number(read), Number(device)] };
}

function suppliedSpaces(
  { dump, stream }: Given,
  about: { about: string; byPlace: NonNullable<TopologyView['byPlace']> },
): BySection {
  const dumped = dump && inDump(dump, about);
  return (section) => dumped?.(section) ?? stream?.(section);
}

function doubts({ section, offset, values }: PlacedMismatch, { config }: KnownFunction): string[] {
  const byte = config[offset];
  if (byte === undefined)
    return [`what was given of ${section} ends before ${hex(offset)}: \`lspci -xxxx\` as root shows all of it`];
  if (values.includes(byte)) return [];
  return [
    `what was given of ${section} has ${hex(byte)} at ${hex(offset)}, and neither side of the log has: it may be of another device`,
  ];
}

function isOfTheHost(section: string): boolean {
  return section.endsWith('/vfio');
}

/** What to supply for a device that cannot be started here. */
function supply({ section, offset }: PlacedMismatch): string[] {
  const likely = offset < headerBytes ? '' : `; most likely ${hex(offset)} belongs to a Vendor-Specific capability`;
  return [
    `the device behind ${section} is the host's own and cannot be started here${likely}: --config FILE with \`lspci -xxxx\` of it, or --stream FILE with a stream of the guest, tells`,
  ];
}

function machineTypeIn(words: readonly string[]): string | undefined {
  const at = words.findIndex((word) => /^--?(?:machine|M)$/.test(word));
  return at === -1 ? undefined : words[at + 1]?.replace(/^type=/, '');
}

/** `-device` lines that a mail or a log quotes, in either syntax, as words. */
function quotedDevices(text: string): string[] {
  const unquoted = text.replaceAll(/^(?:[ \t]*>)+ ?/gm, '');
  return [...unquoted.matchAll(quotedDevice)].flatMap(([, json, plain]) => {
    if (json !== undefined) return isJson(json) ? ['-device', json] : [];
    return plain?.includes(',') ? ['-device', ...splitWords(plain)] : [];
  });
}

const quotedDevice = /(?:^|\s)-device\s+(?:'(\{[^'\n]*\})'|((?:driver=)?[a-zA-Z][\w.-]*(?:,[\w.-]+=[^\s\\'"`]+)*))/g;

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}

interface Target {
  build: Build;
  machineType: string;
  words: string;
  notes: string[];
}

/** The machine that a log is most likely of, where nobody says. */
const usualMachineOf: Readonly<Record<string, string>> = { x86_64: 'q35', aarch64: 'virt', ppc64: 'pseries' };

/** The build to ask, or the sentence that says why there is none. */
async function chooseBuild(given: Given, machineType: string | undefined): Promise<Target | string> {
  const emulator = /\bqemu-system-(\w+)/.exec(given.text)?.[1] ?? defaultArch;
  const arch = emulator === 'i386' ? 'x86_64' : emulator;
  const type = machineType?.split(',')[0] ?? usualMachineOf[arch];
  if (type === undefined)
    return `the log is of qemu-system-${arch}, whose devices Godwit cannot look at: registers are named in the header only`;
  const atHand = given.build === undefined ? await namesAtHand({ arch }) : namesFor(given.build, [arch]).names;
  const usual = usualBuilds.map((name) => forArchitecture(name, arch));
  const names = [...usual.filter((name) => atHand.includes(name)), ...atHand.filter((name) => !usual.includes(name))];
  for (const name of names) {
    const build = await resolveBuild(name, { fetch: given.build !== undefined });
    const found = build.probe.machineTypes.find((known) => known.name === type || known.alias === type);
    if (!found) continue;
    const words = `QEMU ${build.version.text} (${name}), ${found.name}`;
    const assumed = [
      ...(given.build === undefined ? ['build'] : []),
      ...(machineType === undefined ? ['machine type'] : []),
    ];
    const note = `assuming the layout of ${words}: no ${assumed.join(' and no ')} was given`;
    return { build, machineType: machineType ?? found.name, words, notes: assumed.length > 0 ? [note] : [] };
  }
  const wanted = `no build at hand has the machine type ${type}`;
  return names.length === 0
    ? 'no QEMU build is at hand: --build names one, as in --build deb:bookworm'
    : `${wanted}: --build and --machine name others`;
}

/** The first attempt that starts. */
async function probe(
  target: Target,
  attempts: readonly Attempt[],
): Promise<{ snapshot: ConfigSnapshot; notes: string[] } | undefined> {
  const { build, machineType } = target;
  let fault: string | undefined;
  for (const { words, note } of attempts) {
    try {
      const snapshot = await probeConfigSpace({ build, machineType, words, deadline: Deadline.after(probeMs) });
      const failed = fault === undefined ? [] : [`the devices as they were given do not start here (${fault})`];
      return { snapshot, notes: [...failed, ...target.notes, ...(note === undefined ? [] : [note])] };
    } catch (thrown) {
      if (!(thrown instanceof GodwitError) || thrown.code === 'usage') throw thrown;
      fault ??= messageOf(thrown).split('\n').at(-1);
    }
  }
  return undefined;
}
