import type { NamedDevice } from './device-name.js';
import type { ErrorLine } from './error-lines.js';
import type { Taught } from './messages/template.js';

type Summarised = Exclude<ErrorLine, { kind: 'config-mismatch' }>;
type Described = Exclude<Summarised, Taught>;
type Words = { [K in Described['kind']]: (line: Extract<Described, { kind: K }>, device: string) => string };

/** One sentence for each kind; `device` names the section it is about, or is '' where the log does not tell. */
const words: Words = {
  'vmstate-path': ({ vmstate, type, path }) =>
    `The destination could not load ${path.join('.')}${from(vmstate ?? (type === undefined ? undefined : `an element of type ${type}`))}`,
  'vmstate-load': ({ version, ret }) => `A state of version ${version} could not be loaded (${ret})`,
  'post-load': ({ vmstate }) => `The destination refused the state of ${vmstate} after loading it`,
  subsection: ({ subsection }, device) => `The subsection ${subsection} of ${device} could not be loaded`,
  'section-device': ({ instance }, device) => `The state of ${device}, instance ${instance}, could not be loaded`,
  'unknown-section': ({ instance }, device) =>
    `The stream holds ${device}, instance ${instance}, and the destination has no such device`,
  'unknown-section-id': ({ id }) => `The stream goes on with section ${id}, which it never began`,
  'missing-section-footer': (_, device) =>
    `The state of ${device} has another length in the stream than the destination reads`,
  'section-footer-id': ({ read, expected }, device) =>
    `The section of ${device} ends with id ${read} in the stream, where ${expected} began it`,
  'section-footer': ({ id }) => `Section ${id} does not end where the destination stops reading`,
  'section-load': ({ id }, device) => `Section ${id} (${device}) could not be loaded`,
  'unknown-ramblock': (_, device) =>
    `The stream holds the RAM block ${device}, and the destination has no such RAM block`,
  'ramblock-size': ({ source, destination }, device) =>
    `The RAM block ${device} has ${source} bytes in the stream, ${destination} on the destination`,
  'ramblock-page-size': ({ source, destination }, device) =>
    `The RAM block ${device} has pages of ${source} bytes in the stream, ${destination} on the destination`,
  features: ({ features, allowed }, device) =>
    `The virtio features ${features}${of(device)} in the stream are not all among those of the destination, ${allowed}`,
  virtqueue: ({ queue, detail }, device) => `Virtqueue ${queue}${of(device)}: ${detail}`,
  'machine-type': ({ source, destination }) =>
    `The machine type is ${source} in the stream, ${destination} on the destination`,
  capability: ({ capability, source, destination }) =>
    `The migration capability ${capability} is ${source} on the source, ${destination} on the destination`,
  version: ({ source, destination }, device) =>
    `The state of ${device} has version ${source} in the stream, and the destination takes ${destination}`,
  'field-value': ({ source, destination }, device) =>
    `A field${of(device)} that may not differ is 0x${source} in the stream, 0x${destination} on the destination`,
  'field-limit': ({ source, limit }, device) =>
    `A field${of(device)} is ${source} in the stream, and the destination takes ${limit} at most`,
  'field-validation': ({ vmstate, field }, device) =>
    `The destination finds ${field} of ${vmstate}${device === '' ? '' : `, ${device},`} invalid`,
  'not-a-stream': ({ detail }) => `The destination cannot read the stream: ${detail}`,
  'unknown-flags': ({ flags }) => `The stream holds migration flags 0x${flags.toString(16)} unknown to the destination`,
  'load-failed': ({ reason }) => `The destination could not load the stream: ${reason}`,
  'stream-cut': ({ reason }) =>
    `The stream ended before the destination had all of it: the connection was cut, or the source gave up (${reason})`,
  'migration-blocker': ({ reason }) => `QEMU refuses to migrate: ${reason}`,
  assertion: ({ function: name, file, lineNumber, expression }) =>
    `QEMU aborted in ${name}${file === undefined ? '' : ` (${file}:${lineNumber ?? '?'})`}: ${expression}`,
  crash: ({ what, detail }) => `QEMU crashed, ${what}${detail === undefined ? '' : `: ${detail}`}`,
  'crash-note': ({ line }) => `QEMU crashed: ${line.trim()}`,
  'device-error': ({ argument, reason }) =>
    argument === undefined ? `QEMU refuses a device: ${reason}` : `QEMU refuses -device ${argument}: ${reason}`,
  'option-error': ({ option, argument, reason }) => `QEMU refuses ${`${option} ${argument}`.trim()}: ${reason}`,
  'connection-lost': ({ reason }) => `The connection between the two sides broke: ${reason}`,
  'save-failed': ({ detail }) => `The source could not send its state: ${detail}`,
  'sibling-error': ({ error }) => `The destination told the source that it failed (${error})`,
  terminated: ({ signal }) => `QEMU was ended by signal ${signal}`,
  warning: ({ text }) => `QEMU warns: ${text}`,
  info: ({ text }) => text,
  undiagnosed: ({ text }) => text,
};

/** One sentence that says what a message means. */
export function summarise(line: Summarised, device?: NamedDevice): string {
  if ('meaning' in line) return line.meaning.replaceAll('{section}', device?.name ?? 'a device');
  return say(line.kind, line, device?.name ?? '');
}

function say<K extends Described['kind']>(kind: K, line: Extract<Described, { kind: K }>, device: string): string {
  return words[kind](line, device);
}

function of(device: string): string {
  return device === '' ? '' : ` of ${device}`;
}

function from(whole: string | undefined): string {
  return whole === undefined ? '' : ` of ${whole}`;
}
