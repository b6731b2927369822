import { consequenceKinds, stepKinds } from './diagnose.js';
import { type ErrorLine, isHarmless, namesProgram, parseErrorLines } from './error-lines.js';

/**
 * What a line of a pasted text is: `diagnosed` says a cause, `consequence` leads to one or follows from one, `harmless` says nothing about the
 * migration, `undiagnosed` is a line of QEMU's that nobody has taught, `beside` is text around the log.
 */
export type Mark = 'diagnosed' | 'consequence' | 'harmless' | 'undiagnosed' | 'beside';

/** A line, or the few that a mail made of one. */
export interface MarkedLine {
  text: string;
  mark: Mark;
  /** How often it stands there in a row, where more than once. */
  times?: number;
}

/** A pasted text, read. */
export interface PastedLog {
  /** Messages of QEMU and of vfio-user servers, in order. */
  messages: ErrorLine[];
  /** Every line that is not blank, in order; equal lines in a row are one. */
  lines: MarkedLine[];
}

const mail =
  /^(?:From|Subject|Date|Signed-off-by|Buglink): |^[ \t]*>|^diff --git |^@@ .* @@|\bwrote:[ \t]*$|^On .* wrote/m;

/** Kinds whose wording nobody uses in prose: they count in a mail even where the program's name is lost. */
const unmistakable = new Set<ErrorLine['kind']>([
  'config-mismatch',
  'vmstate-path',
  'section-device',
  'unknown-section',
  'missing-section-footer',
  'unknown-ramblock',
  'ramblock-size',
  'load-failed',
  'stream-cut',
  'features',
  'assertion',
  'crash',
  'crash-note',
  'vfio-user',
  'vfio-user-note',
]);

/** Reads a log as it was pasted. Among prose, a line that is neither printed by a program nor unmistakable is `beside`. */
export function readPastedLog(text: string): PastedLog {
  const all = byLine(parseErrorLines(text));
  const isProse = mail.test(text) || isThread(all.flat());
  const isLog = (line: ErrorLine): boolean => !isProse || namesProgram(line.line) || unmistakable.has(line.kind);
  const messages: ErrorLine[] = [];
  const lines: MarkedLine[] = [];
  for (const [head, ...more] of all) {
    const said = isLog(head) ? [head, ...more] : more.filter(isLog);
    messages.push(...said);
    const mark = said.length === 0 ? 'beside' : markOf(said);
    const last = lines.at(-1);
    if (last?.text === head.line && last.mark === mark) last.times = (last.times ?? 1) + 1;
    else lines.push({ text: head.line, mark });
  }
  return { messages, lines };
}

/** The messages of each line. */
function byLine(all: readonly ErrorLine[]): [ErrorLine, ...ErrorLine[]][] {
  const lines: [ErrorLine, ...ErrorLine[]][] = [];
  for (const line of all) {
    const last = lines.at(-1);
    if (line.continued === true && last) last.push(line);
    else lines.push([line]);
  }
  return lines;
}

/** A discussion that quotes a log without any sign of a mail: more of its lines are nobody's message than are printed by a program. */
function isThread(all: readonly ErrorLine[]): boolean {
  const printed = all.filter(({ line }) => namesProgram(line)).length;
  const unknown = all.filter(({ kind, line }) => kind === 'undiagnosed' && !namesProgram(line)).length;
  return printed > 0 && unknown > printed;
}

function markOf(said: readonly ErrorLine[]): Mark {
  const marks = said.map(ownMark);
  const telling: Mark[] = ['diagnosed', 'undiagnosed', 'consequence', 'harmless'];
  return telling.find((mark) => marks.includes(mark)) ?? 'beside';
}

function ownMark(line: ErrorLine): Mark {
  if (isHarmless(line)) return 'harmless';
  if (line.kind === 'undiagnosed') return 'undiagnosed';
  return stepKinds.has(line.kind) || consequenceKinds.has(line.kind) ? 'consequence' : 'diagnosed';
}
