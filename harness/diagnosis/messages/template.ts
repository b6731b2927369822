/** What a taught message is about. Each word is a finding's kind, and stays what it is. */
export const taughtKinds = [
  /** The stream ended, or its channel gave nothing more, before the migration was over. */
  'stream-cut',
  /** What was read is not what the sender's protocol says at that place. */
  'stream-corrupt',
  /** Opening, reading or writing the channel failed. */
  'channel',
  'tls',
  'multifd',
  'postcopy',
  'return-path',
  'mapped-ram',
  'ram',
  'dirty-bitmap',
  'block',
  'snapshot',
  /** Refused: capabilities or parameters that do not go together, or not with this channel. */
  'capability-conflict',
  /** Refused: not at this moment. */
  'migration-state',
  /** Virtual CPUs that the two sides, or the host, do not have alike. */
  'cpu-model',
  'vcpu-state',
  /** A device found its loaded state wrong. */
  'device-state',
  'vhost',
  'vfio',
  'interrupt-controller',
  /** A capability of the pseries machine that differs (`cap-…`). */
  'spapr-capability',
  /** Memory or another means that the host did not give. */
  'host',
  /** What a vfio-user server says. */
  'vfio-user',
  /** What a vfio-user server says before and after. */
  'vfio-user-note',
  /** QEMU says that it failed, not why. */
  'load-step',
  'save-step',
] as const;

export type TaughtKind = (typeof taughtKinds)[number];

/** A message in words: what QEMU calls the things, and what it means. */
export interface Taught {
  kind: TaughtKind;
  /** One sentence; `{section}` stands for the device, whose name the command line knows. */
  meaning: string;
  /** vmstate section or RAM block that the message itself names. */
  section?: string;
  values: Record<string, string | number>;
}

/**
 * One wording and its meaning. In a wording `{name}` is text up to the next ': ', `{name#}` a decimal number, `{name%}` a hexadecimal
 * one, `{name@}` a word, `{name&}` a VFIO device (its PCI address on the host, or its UUID), `{name*}` everything that is left, and `[a|b]` a choice; all else stands for itself. In a meaning `{name}` is its value.
 */
export type Message = readonly [kind: TaughtKind, wording: string, meaning: string];

/** A wording, compiled. `fields` gives what a match of `pattern` means. */
export interface TaughtRule {
  pattern: RegExp;
  fields: (groups: Record<string, string | undefined>) => Taught;
}

const placeholders: Readonly<Record<string, string>> = {
  '': '(?:(?!: ).)+?',
  '#': '-?\\d+',
  '%': '(?:0x)?[\\da-f]+',
  '@': '\\S+',
  '&': '(?:[\\da-f]{4,8}:)?[\\da-f]{2}:[\\da-f]{2}\\.[0-7]|[\\da-f]{8}(?:-[\\da-f]{4}){3}-[\\da-f]{12}',
  '*': '.*',
};

/** Compiles one message; its pattern matches at the start of a text. */
export function ruleOf([kind, wording, meaning]: Message): TaughtRule {
  const numbers = new Set<string>();
  const source = wording.replaceAll(part, (...found: (string | undefined)[]) => {
    const [all = '', name, type = '', end] = found;
    if (name === undefined) return choices[all] ?? `\\${all}`;
    if (type === '#') numbers.add(name);
    // Nothing follows that would end it.
    const body = type === '' && end !== undefined ? '(?:(?!: ).)+' : (placeholders[type] ?? '');
    return `(?<${name}>${body})`;
  });
  return {
    pattern: new RegExp(`^${source}`),
    fields: (groups) => taught({ kind, meaning }, groups, numbers),
  };
}

/** A placeholder, and whether it ends the wording; or a character that a pattern takes for more than itself. */
const part = /\{(\w+)([#%@&*]?)\}(?:($)|)|[.*+?^$\\()[\]{}]/g;
const choices: Readonly<Record<string, string>> = { '[': '(?:', ']': ')' };

function taught(
  { kind, meaning }: Pick<Taught, 'kind' | 'meaning'>,
  groups: Record<string, string | undefined>,
  numbers: ReadonlySet<string>,
): Taught {
  const { section, ...others } = groups;
  const values: Taught['values'] = {};
  for (const [name, value] of Object.entries(others)) {
    if (value !== undefined) values[name] = numbers.has(name) ? Number.parseInt(value, 10) : value;
  }
  return {
    kind,
    meaning: meaning.replaceAll(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all)),
    ...(section !== undefined && { section }),
    values,
  };
}
