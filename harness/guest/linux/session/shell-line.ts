import { GuestError } from '../../../core/errors.js';
import { markerFormats } from './markers.js';

/** The longest command, in bytes of UTF-8. */
const maxCommandBytes = 3000;
/** Characters of a command on one line: a terminal keeps no more than 4095 of a line (N_TTY_BUF_SIZE, drivers/tty/n_tty.c). */
const pieceLength = 3000;
/** ^U, with which a terminal forgets what it has of a line. */
export const killLine = '\x15';
/** ^C, with which a terminal interrupts what runs on it. */
export const interrupt = '\x03';

/**
 * The lines that make a shell run a command exactly once, however often they are sent: the last one compares `id` with that of the command
 * it ran last. They hold printable ASCII alone, so that neither a terminal nor a shell's line editor acts on any of it. The shell
 * answers with the markers of `id`, after the second of which comes the exit status; a syntax error gives one too, which needs `command`.
 * Throws GuestError for a command that no line can carry.
 */
export function commandLines(command: string, id: string): string {
  const bytes = Buffer.byteLength(command);
  if (command.includes('\0')) throw new GuestError('a command for the guest holds a NUL, which no shell takes');
  if (bytes > maxCommandBytes) {
    throw new GuestError(
      `a command for the guest has ${bytes} bytes: a terminal's lines carry up to ${maxCommandBytes}`,
    );
  }
  const plain = /^[\x20-\x7e]*$/.test(command);
  const [first = '', ...others] = pieces(plain ? [...command].map(quotedPlain) : [...Buffer.from(command)].map(octal));
  const { begin, end } = markerFormats(id);
  // The blank keeps a command that begins with a dash from being an option of eval.
  const word = plain ? '" $_c"' : '" $(printf %b "$_c")"';
  const run = `command eval ${word} </dev/null`;
  return [
    `${killLine}_c='${first}'`,
    ...others.map((piece) => `_c=$_c'${piece}'`),
    `[ "\${_g-}" = ${id} ] || { _g=${id}; printf '${begin}'; ${run}; printf '${end}' $?; }`,
    '',
  ].join('\n');
}

/**
 * A line that makes a shell answer with the marker of `id`, with a terminal that neither echoes nor translates from now on. It has no quotes:
 * a shell that starts throws away what has come so far, be it half a question, and would wait for the other quote ever after.
 */
export function questionLine(id: string): string {
  // Outside of quotes a shell with a history takes `!` for itself.
  const answer = markerFormats(id).answer.replaceAll('!', '\\041').replaceAll('\\', '\\\\');
  return `${killLine}stty -echo -opost 2>/dev/null; printf ${answer}\n`;
}

function quotedPlain(character: string): string {
  return character === "'" ? `'\\''` : character;
}

/** As printf's %b reads it. */
function octal(byte: number): string {
  return `\\0${byte.toString(8).padStart(3, '0')}`;
}

/** Units joined to pieces; no unit is cut. */
function pieces(units: readonly string[]): string[] {
  const made: string[] = [];
  let piece = '';
  for (const unit of units) {
    if (piece.length + unit.length > pieceLength) {
      made.push(piece);
      piece = '';
    }
    piece += unit;
  }
  return [...made, piece];
}
