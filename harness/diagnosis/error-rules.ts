import { channelMessages } from './messages/channel.js';
import { deviceMessages } from './messages/devices.js';
import { refusalMessages } from './messages/refusals.js';
import { streamMessages } from './messages/stream.js';
import { stateMessages } from './messages/state.js';
import { ruleOf, type Taught } from './messages/template.js';

/**
 * What QEMU can say on standard error and in `error-desc`, in fields. Texts are QEMU's own, without quotes. Source of the
 * wordings: QEMU 7.2 and 10.0 migration/savevm.c, migration/vmstate.c, migration/ram.c, hw/pci/pci.c, hw/virtio/virtio.c,
 * and what was seen of 5.2 and 11.1.
 */
export type ErrorFields =
  /** A byte of configuration space that may not differ does. */
  | {
      kind: 'config-mismatch';
      offset: number;
      /** The byte in the stream. */
      read: number;
      /** The byte on the destination. */
      device: number;
      cmask?: number;
      wmask?: number;
      w1cmask?: number;
    }
  /** A step on the way to the field that could not be loaded: `path` within `vmstate`, or an element of a `type` (11.1). */
  | { kind: 'vmstate-path'; vmstate?: string; type?: string; path: string[] }
  | { kind: 'vmstate-load'; version: number; ret: number }
  | { kind: 'post-load'; vmstate: string }
  | { kind: 'subsection'; subsection: string; section: string }
  | { kind: 'section-device'; instance: number; device: string }
  | { kind: 'unknown-section'; section: string; instance: number }
  | { kind: 'unknown-section-id'; id: number }
  | { kind: 'missing-section-footer'; section: string }
  | { kind: 'section-footer-id'; section: string; read: number; expected: number }
  | { kind: 'section-footer'; id: number }
  | { kind: 'section-load'; id: number; section: string }
  | { kind: 'unknown-ramblock'; block: string }
  | { kind: 'ramblock-size'; block: string; source: number; destination: number }
  | { kind: 'ramblock-page-size'; block: string; source: number; destination: number }
  /** 64-bit masks, as QEMU prints them. */
  | { kind: 'features'; features: string; allowed: string }
  | { kind: 'virtqueue'; queue: number; detail: string }
  | { kind: 'machine-type'; source: string; destination: string }
  | { kind: 'capability'; capability: string; source: string; destination: string }
  | { kind: 'version'; section: string; source: number; destination: number }
  /** A field that must be equal (VMSTATE_*_EQUAL), hexadecimal. */
  | { kind: 'field-value'; source: string; destination: string }
  | { kind: 'field-limit'; source: number; limit: number }
  | { kind: 'field-validation'; vmstate: string; field: string }
  | { kind: 'not-a-stream'; detail: string }
  | { kind: 'unknown-flags'; flags: number }
  | { kind: 'load-failed'; reason: string }
  /** The stream ended too early: EIO is what QEMU's reader makes of its end (migration/qemu-file.c). */
  | { kind: 'stream-cut'; reason: string }
  | { kind: 'migration-blocker'; reason: string; device?: string }
  | { kind: 'assertion'; file?: string; lineNumber?: number; function: string; expression: string }
  /** A process that ended, or cannot go on, by a fault of its own; what it dumps comes after. */
  | { kind: 'crash'; what: string; detail?: string }
  /** A line of such a dump. */
  | { kind: 'crash-note' }
  /** A QEMU that does not start, or a hotplug refused, because of a `-device`. */
  | { kind: 'device-error'; argument?: string; id?: string; reason: string }
  /** A QEMU that does not start because of another option. */
  | { kind: 'option-error'; option: string; argument: string; reason: string }
  | { kind: 'connection-lost'; reason: string }
  | { kind: 'save-failed'; section?: string; detail: string }
  /** What the destination told the source on the return path. */
  | { kind: 'sibling-error'; error: number }
  | { kind: 'terminated'; signal: number; pid?: number }
  | { kind: 'warning'; text: string }
  | { kind: 'info'; text: string }
  /** One of the many wordings in `messages`: what it means is all there is to know. */
  | Taught
  | { kind: 'undiagnosed'; text: string };

/** A wording, from the start of the text; what follows it, after ': ', is another message. */
export interface ErrorRule {
  pattern: RegExp;
  fields: (groups: Record<string, string | undefined>) => ErrorFields;
  /** The pattern says where the message ends, so that one broken over lines (in a mail) can be put together. */
  closed?: true;
}

const text = (value: string | undefined): string => value ?? '';
const hex = (value: string | undefined): number => Number.parseInt(text(value), 16);
const decimal = (value: string | undefined): number => Number.parseInt(text(value), 10);

const streamRules: ErrorRule[] = [
  {
    pattern:
      /^Bad config data: i=0x(?<i>[\da-f]+) read: (?<read>[\da-f]+) device: (?<device>[\da-f]+)(?: cmask: (?<cmask>[\da-f]+) wmask: (?<wmask>[\da-f]+)(?: w1cmask: ?(?<w1cmask>[\da-f]+))?)?/,
    fields: ({ i, read, device, cmask, wmask, w1cmask }) => ({
      kind: 'config-mismatch',
      offset: hex(i),
      read: hex(read),
      device: hex(device),
      ...(cmask !== undefined && { cmask: hex(cmask) }),
      ...(wmask !== undefined && { wmask: hex(wmask) }),
      ...(w1cmask !== undefined && { w1cmask: hex(w1cmask) }),
    }),
    closed: true,
  },
  {
    pattern: /^Failed to load element of type (?<type>.+?) for (?<path>[^\s:]+)/,
    fields: ({ type, path }) => ({ kind: 'vmstate-path', type: text(type), path: text(path).split('.') }),
  },
  {
    pattern: /^Failed to load vmstate version_id: (?<version>-?\d+), ret: (?<ret>-?\d+)/,
    fields: ({ version, ret }) => ({ kind: 'vmstate-load', version: decimal(version), ret: decimal(ret) }),
  },
  {
    pattern: /^Failed to load (?<vmstate>[^\s:](?:[^:]*[^\s:])?):(?<path>[^\s:]+)/,
    fields: ({ vmstate, path }) => ({ kind: 'vmstate-path', vmstate: text(vmstate), path: text(path).split('.') }),
    closed: true,
  },
  {
    pattern: /^post load hook failed for: (?<vmstate>[^,]+), version_id: \d+, minimum_version: \d+(?:, ret: -?\d+)?/,
    fields: ({ vmstate }) => ({ kind: 'post-load', vmstate: text(vmstate) }),
  },
  {
    pattern: /^(?:Loading )?VM subsection '(?<sub>[^']*)' in '(?<section>[^']*)' (?:failed|does not exist)/,
    fields: ({ sub, section }) => ({ kind: 'subsection', subsection: text(sub), section: text(section) }),
  },
  {
    pattern: /^error while loading state for instance 0x(?<instance>[\da-f]+) of device '(?<device>[^']+)'/,
    fields: ({ instance, device }) => ({ kind: 'section-device', instance: hex(instance), device: text(device) }),
    closed: true,
  },
  {
    pattern: /^error while loading state section id (?<id>\d+) ?\((?<section>[^)]*)\)/,
    fields: ({ id, section }) => ({ kind: 'section-load', id: decimal(id), section: text(section) }),
  },
  {
    pattern:
      /^Unknown (?:savevm )?section or instance '(?<section>[^']+)' (?<instance>\d+)\.(?: Make sure that your current VM setup matches your saved VM setup, including any hotplugged devices)?/,
    fields: ({ section, instance }) => ({
      kind: 'unknown-section',
      section: text(section),
      instance: decimal(instance),
    }),
    closed: true,
  },
  {
    pattern: /^Unknown (?:savevm )?section (?:type )?(?<id>\d+)/,
    fields: ({ id }) => ({ kind: 'unknown-section-id', id: decimal(id) }),
  },
  {
    pattern: /^Missing section footer for (?<section>\S+?)(?=:?(?:\s|$))/,
    fields: ({ section }) => ({ kind: 'missing-section-footer', section: text(section) }),
  },
  {
    pattern:
      /^Mismatched section id in footer for (?<section>.+?) - ?read 0x(?<read>[\da-f]+) expected 0x(?<expected>[\da-f]+)/,
    fields: ({ section, read, expected }) => ({
      kind: 'section-footer-id',
      section: text(section),
      read: hex(read),
      expected: hex(expected),
    }),
  },
  {
    pattern: /^Section footer error, section_id: (?<id>\d+)/,
    fields: ({ id }) => ({ kind: 'section-footer', id: decimal(id) }),
  },
  {
    pattern: /^savevm: unsupported version (?<source>\d+) for '(?<section>[^']+)' v(?<destination>\d+)/,
    fields: versionFields,
  },
  {
    pattern:
      /^(?<section>[^:]+): incoming version_id (?<source>\d+) is too (?:new|old) for local (?:minimum )?version_id +(?<destination>\d+)/,
    fields: versionFields,
  },
  {
    pattern: /^Input validation failed: (?<vmstate>[^/]+)\/(?<field>\S+)(?: version_id: \d+)?/,
    fields: ({ vmstate, field }) => ({ kind: 'field-validation', vmstate: text(vmstate), field: text(field) }),
  },
  {
    pattern: /^(?<destination>[\da-f]+) != (?<source>[\da-f]+)$/,
    fields: ({ source, destination }) => ({
      kind: 'field-value',
      source: text(source),
      destination: text(destination),
    }),
  },
  {
    pattern: /^Invalid value (?<source>-?\d+) expecting positive value <= (?<limit>-?\d+)/,
    fields: ({ source, limit }) => ({ kind: 'field-limit', source: decimal(source), limit: decimal(limit) }),
  },
  {
    pattern:
      /^(?<detail>(?:Not a migration stream(?:, magic)?|Unsupported migration stream version(?:, file version)?|Configuration section missing)(?:[:,]? [\da-f]+ != [\da-f]+)?)/,
    fields: ({ detail }) => ({ kind: 'not-a-stream', detail: text(detail) }),
  },
  {
    pattern: /^load of migration failed: (?<reason>Input\/output error)/,
    fields: ({ reason }) => ({ kind: 'stream-cut', reason: text(reason) }),
  },
  {
    pattern: /^load of migration failed(?:: (?<reason>[^:]+))?/,
    fields: ({ reason }) => ({ kind: 'load-failed', reason: text(reason) }),
  },
];

function versionFields({ section, source, destination }: Record<string, string | undefined>): ErrorFields {
  return { kind: 'version', section: text(section), source: decimal(source), destination: decimal(destination) };
}

const machineRules: ErrorRule[] = [
  {
    pattern: /^Unknown ramblock "(?<block>[^"]*)", cannot accept migration/,
    fields: ({ block }) => ({ kind: 'unknown-ramblock', block: text(block) }),
    closed: true,
  },
  {
    pattern:
      /^Size (?:mismatch|too large): (?<block>\S+): 0x(?<source>[\da-f]+) (?:!=|>) 0x(?<destination>[\da-f]+)(?:: Invalid argument)?/,
    fields: ({ block, source, destination }) => ({
      kind: 'ramblock-size',
      block: text(block),
      source: hex(source),
      destination: hex(destination),
    }),
    closed: true,
  },
  {
    pattern: /^Mismatched RAM page size (?<block>\S+) \(local\) (?<destination>\d+) != (?<source>\d+)/,
    fields: ({ block, source, destination }) => ({
      kind: 'ramblock-page-size',
      block: text(block),
      source: decimal(source),
      destination: decimal(destination),
    }),
  },
  {
    pattern: /^Features (?<features>0x[\da-f]+) unsupported\. Allowed features: (?<allowed>0x[\da-f]+)/,
    fields: ({ features, allowed }) => ({ kind: 'features', features: text(features), allowed: text(allowed) }),
    closed: true,
  },
  {
    pattern: /^VQ (?<queue>\d+) (?<detail>[^:]+(?:: delta 0x[\da-f]+)?)/,
    fields: ({ queue, detail }) => ({ kind: 'virtqueue', queue: decimal(queue), detail: text(detail) }),
  },
  {
    pattern: /^Machine type received is '(?<source>[^']*)' and local is '(?<destination>[^']*)'/,
    fields: ({ source, destination }) => ({
      kind: 'machine-type',
      source: text(source),
      destination: text(destination),
    }),
    closed: true,
  },
  {
    pattern: /^Capability (?<capability>\S+) is (?<destination>on|off), but received capability is (?<source>on|off)/,
    fields: ({ capability, source, destination }) => ({
      kind: 'capability',
      capability: text(capability),
      source: text(source),
      destination: text(destination),
    }),
  },
  {
    pattern: /^Unknown combination of migration flags: 0x(?<flags>[\da-f]+)(?: \(postcopy mode\))?/,
    fields: ({ flags }) => ({ kind: 'unknown-flags', flags: hex(flags) }),
  },
];

const sideRules: ErrorRule[] = [
  {
    pattern: /^(?<reason>State blocked by non-migratable device '(?<device>[^']*)')/,
    fields: blockerFields,
  },
  {
    pattern: /^(?<reason>Migration is disabled when using feature '[^']*' in device '(?<device>[^']*)')/,
    fields: blockerFields,
  },
  {
    pattern:
      /^(?<reason>(?:(?:Live m|M)igration (?:is )?disabled|protected VMs are|Memory region \S+ (?:uses guest_memfd|is not compatible with CPR)|Record\/replay is not supported with|disallowing migration blocker|Migration is not supported for|State blocked (?:by|due to))\b.*|.*(?:\bdoes(?:n't| not) support (?:live )?migration\b|\bprevents migration\b|\bnot yet (?:migratable|support migration)|\bdoes(?:n't| not) yet support migration\b|[Mm]igration (?:is )?not (?:implemented|supported$)|\bis not migratable|\bis not supported for migration).*)$/,
    fields: blockerFields,
  },
  {
    pattern: /^(?:RP: )?(?:Received )?Sibling indicated error (?<error>\d+)/,
    fields: ({ error }) => ({ kind: 'sibling-error', error: decimal(error) }),
  },
  {
    pattern: /^(?<reason>Unable to (?:write to|read from) socket(?:: [^:]+)?)/,
    fields: ({ reason }) => ({ kind: 'connection-lost', reason: text(reason) }),
  },
  {
    pattern: /^(?<detail>failed to save SaveStateEntry with id\(name\): \d+\((?<section>[^)]*)\)(?:: -?\d+)?)/,
    fields: ({ detail, section }) => ({ kind: 'save-failed', section: text(section), detail: text(detail) }),
  },
  {
    pattern: /^(?<detail>Failed to (?:flush QEMUFile|save iterable device state))/,
    fields: ({ detail }) => ({ kind: 'save-failed', detail: text(detail) }),
  },
  {
    pattern: /^terminating on signal (?<signal>\d+)(?: from pid (?<pid>\d+).*)?$/,
    fields: ({ signal, pid }) => ({
      kind: 'terminated',
      signal: decimal(signal),
      ...(pid !== undefined && { pid: decimal(pid) }),
    }),
  },
  { pattern: /^info: (?<text>.*)$/, fields: (groups) => ({ kind: 'info', text: text(groups['text']) }) },
];

function blockerFields({ reason, device }: Record<string, string | undefined>): ErrorFields {
  return { kind: 'migration-blocker', reason: text(reason), ...(device !== undefined && { device }) };
}

const startRules: ErrorRule[] = [
  {
    // With the option it is about before it, or without.
    pattern: /^(?:-{1,2}[a-zA-Z][\w-]*(?: .*?)?: )?warning: (?<text>.*)$/,
    fields: (groups) => ({ kind: 'warning', text: text(groups['text']) }),
  },
  {
    pattern:
      /^(?<file>[^:\s]+\.[ch](?:\.inc)?):(?<line>\d+): (?<function>.+): Assertion [`'‘](?<expression>.*)['’] failed\.?/,
    fields: assertionFields,
  },
  {
    pattern:
      /^(?:\*\* )?(?:Bail out! )?ERROR:(?<file>[^:]+):(?<line>\d+):(?<function>[^:]+): (?<expression>assertion failed:? .*|code should not be reached.*)$/,
    fields: assertionFields,
  },
  {
    // `&error_abort` (util/error.c); the message itself is in the next line.
    pattern: /^(?<expression>Unexpected error) in (?<function>\w+)\(\) at (?<file>[^:\s]+):(?<line>\d+):$/,
    fields: assertionFields,
  },
  {
    pattern: /^-{1,2}device (?<argument>.+?): (?!\/\/)(?<reason>.+)$/,
    fields: ({ argument, reason }) => {
      const id = /(?:^|,)id=([^,]+)/.exec(text(argument))?.[1];
      return {
        kind: 'device-error',
        argument: text(argument),
        ...(id !== undefined && { id }),
        reason: text(reason),
      };
    },
  },
  {
    pattern: /^(?<option>-{1,2}[a-zA-Z][\w-]*)(?: (?<argument>.*?))?: (?<reason>.+)$/,
    fields: ({ option, argument, reason }) => ({
      kind: 'option-error',
      option: text(option),
      argument: text(argument),
      reason: text(reason),
    }),
  },
  {
    pattern: /^(?<reason>'[^']+' is not a valid device model name|Property '[^']+' not found)/,
    fields: ({ reason }) => ({ kind: 'device-error', reason: text(reason) }),
  },
];

function assertionFields(groups: Record<string, string | undefined>): ErrorFields {
  return {
    kind: 'assertion',
    ...(groups['file'] !== undefined && { file: groups['file'] }),
    ...(groups['line'] !== undefined && { lineNumber: decimal(groups['line']) }),
    function: text(groups['function']),
    expression: text(groups['expression']),
  };
}

/** Every wording that is known; the first one that fits counts. */
export const errorRules: readonly ErrorRule[] = [
  ...startRules,
  ...streamRules,
  ...machineRules,
  ...sideRules,
  ...[...streamMessages, ...channelMessages, ...deviceMessages, ...refusalMessages, ...stateMessages].map(ruleOf),
];

/**
 * A function that loads or saves state, and what it says: what is meant is in its name. For what no wording fits: QEMU's devices have hundreds, of
 * which nobody has a list.
 */
export const functionRule: ErrorRule = {
  pattern: /^(?<function>[a-z]\w*?_(?:pre_|post_)?(?<verb>load|save|put|get)(?:_\w+)?): (?<why>.+)$/,
  fields: ({ function: name, verb, why }) => ({
    kind: 'device-state',
    meaning: `${text(name)}() could not ${verb === 'save' || verb === 'get' ? 'save' : 'load'} the state of its device: ${text(why)}`,
    values: { function: text(name), why: text(why) },
  }),
};
