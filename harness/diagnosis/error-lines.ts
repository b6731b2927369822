import { crashRules, dumpLength } from './crashes.js';
import { type ErrorFields, type ErrorRule, errorRules, functionRule } from './error-rules.js';

/** What one message means, and the line it stands in. */
export type ErrorLine = ErrorFields & {
  /** The whole line as it was printed; with line breaks where a mail had broken it. */
  line: string;
  /** This message stands in the same line as the one before it. */
  continued?: true;
};

/**
 * Reads QEMU's standard error, `error-desc`, or a mail that quotes them. Every line that is not blank is the `line` of at
 * least one result, in order; one that nobody has taught it is 'undiagnosed'. QEMU 11.1 puts a whole chain of messages into one
 * line: it gives one result for each.
 */
export function parseErrorLines(text: string): ErrorLine[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const heads = lines.map((line) => (line.length > longestRead ? line.slice(0, longestRead) : line));
  const found: ErrorLine[] = [];
  for (let index = 0; index < lines.length;) {
    const used = linesOfMessage(heads, index);
    const messages = messagesOf(
      heads
        .slice(index, index + used)
        .map(bare)
        .join(' '),
    );
    messages.push(...restOf(lines.slice(index, index + used)));
    const line = lines.slice(index, index + used).join('\n');
    found.push(
      ...messages.map((fields, at) => (at === 0 ? { ...fields, line } : { ...fields, line, continued: true as const })),
    );
    index += used;
    const crash = messages.find((fields) => fields.kind === 'crash');
    const dumped = crash ? dumpLength(crash, bareFrom(heads, index)) : 0;
    for (const dump of lines.slice(index, index + dumped)) found.push({ kind: 'crash-note', line: dump });
    index += dumped;
  }
  return found;
}

/** Characters of a line that are searched for messages. QEMU's longest have some 1,000. */
const longestRead = 4096;

/** What of the lines was not searched; it is told whole. */
function restOf(lines: readonly string[]): ErrorFields[] {
  const rest = lines.map((line) => line.slice(longestRead)).join('');
  return rest === '' ? [] : [{ kind: 'undiagnosed', text: rest }];
}

function* bareFrom(lines: readonly string[], start: number): Generator<string> {
  for (let index = start; index < lines.length; index += 1) yield bare(lines[index] ?? '');
}

const harmlessWarnings = [
  /\bdeprecated\b/,
  /\b(?:TCG|host) doesn't support requested feature\b/,
  / has no peer$/,
  /^hub \d+ is not connected to host network$/,
  /^PCI: slot \d+ is not valid for \S+, parent device only allows plugging into slot 0\.$/,
];

/** Lines that say nothing about a migration: deprecations, missing CPU features, odd command lines, the end by a signal. */
export function isHarmless(line: ErrorLine): boolean {
  if (line.kind === 'warning') return harmlessWarnings.some((known) => known.test(line.text));
  return line.kind === 'info' || line.kind === 'terminated';
}

const longestMail = 4;

/** How many lines from `index` make up one message. More than one where a mail broke it, and for GLib's `**` before an error. */
function linesOfMessage(lines: readonly string[], index: number): number {
  const first = lines[index] ?? '';
  const next = lines[index + 1];
  if (first.trim() === '**' && next?.startsWith('ERROR:')) return 2;
  let together = bare(first);
  for (let used = 2; used <= longestMail && index + used <= lines.length; used += 1) {
    const added = lines[index + used - 1] ?? '';
    if (namesProgram(added)) return 1;
    together += ` ${bare(added)}`;
    if (isOneMessage(together, lines.slice(index, index + used).map(bare))) return used;
  }
  return 1;
}

const rules: readonly ErrorRule[] = [...crashRules, ...errorRules];
const closedRules = rules.filter(({ closed }) => closed);

/** Whether lines say something together that none of them says alone. */
function isOneMessage(text: string, [first = '', ...added]: readonly string[]): boolean {
  // Most lines end here: all rules would take too long in a flood.
  if (!closedRules.some(({ pattern }) => pattern.test(withoutFunction(text)) || pattern.test(text))) return false;
  if (added.some((line) => match(line))) return false;
  const together = match(text);
  return together?.rule.closed === true && !isLess(together, match(first), first);
}

type Match = { rule: ErrorRule; fields: ErrorFields; length: number };

/** Whether the first line alone already says all that the lines together say. */
function isLess(together: Match, alone: Match | undefined, first: string): boolean {
  if (!alone) return together.length <= first.length;
  return together.rule !== alone.rule || fieldCount(together.fields) <= fieldCount(alone.fields);
}

function fieldCount(fields: ErrorFields): number {
  return Object.keys(fields).length;
}

/** The text without a mail's quotation marks, time, guest name and program. */
function bare(line: string): string {
  const quoted = line.replace(/^(?:\s*>)+/, '').trim();
  return quoted.replace(programName, '').replace(serverPrefix, '').trim();
}

/** libvfio-user's own: time, where in its source, how grave. */
const serverPrefix = /^\[[\d: .-]+\] \S+?:\d+:\w+: \*\w+\*: /;

const programName = /^(?:\d{4}-\d\d-\d\d[T ]\S+ )?(?:\S+ )?(?:[^\s:]*\/)?(?:qemu|kvm)[\w.+-]*: (?=\S)/;

/** Whether a line begins as one that QEMU, or a vfio-user server, prints. */
export function namesProgram(line: string): boolean {
  const quoted = line.replace(/^(?:\s*>)+/, '').trim();
  return programName.test(quoted) || serverPrefix.test(quoted);
}

function messagesOf(text: string): ErrorFields[] {
  // A mail's quotation mark alone.
  if (text === '') return [{ kind: 'undiagnosed', text }];
  const found: ErrorFields[] = [];
  for (let rest = text; rest !== '';) {
    const known = match(rest);
    if (known) found.push(known.fields);
    const end = known ? endOf(rest, known.length) : nextKnown(rest, 0);
    if (!known) found.push({ kind: 'undiagnosed', text: rest.slice(0, end).replace(/:\s*$/, '') });
    rest = rest.slice(end).replace(/^:?\s+/, '');
  }
  return found;
}

/** Where the next message begins after a known one: at once after ': ', else wherever a known one begins. */
function endOf(text: string, length: number): number {
  const follows = /^:\s+\S/.test(text.slice(length));
  return follows ? length : nextKnown(text, length);
}

/** The first position from `start` on where, after ': ', a known message begins; else the end. */
function nextKnown(text: string, start: number): number {
  for (let at = text.indexOf(': ', start); at !== -1; at = text.indexOf(': ', at + 2)) {
    if (matchExactly(text.slice(at + 2))) return at;
  }
  return text.length;
}

/** A known message at the start of the text, with or without the name of the function that says it. */
function match(text: string): Match | undefined {
  const exact = matchExactly(text);
  if (exact) return exact;
  const rest = withoutFunction(text);
  const after = rest === text ? undefined : matchExactly(rest);
  if (after) return { ...after, length: after.length + text.length - rest.length };
  const found = functionRule.pattern.exec(text);
  return found
    ? { rule: functionRule, fields: functionRule.fields(found.groups ?? {}), length: found[0].length }
    : undefined;
}

function withoutFunction(text: string): string {
  return text.replace(/^[a-z]\w*_\w*: /, '');
}

function matchExactly(text: string): Match | undefined {
  for (const rule of rules) {
    const found = rule.pattern.exec(text);
    if (found) return { rule, fields: rule.fields(found.groups ?? {}), length: found[0].length };
  }
  return undefined;
}
