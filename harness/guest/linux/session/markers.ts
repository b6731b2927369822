/** Record separator: what the shell says to us rather than to a person starts with it. A shell's echo of a line never holds it. */
const recordSeparator = '\x1e';

/** What a new shell of our own guest prints first, as a format of printf. */
export const greetingFormat = '\\036shell\\n';

/** What the background process prints that shows the guest alive, as a format of printf. */
export const tickFormat = '\\036t\\n';

/** One thing that came from the shell's terminal. */
export type Token =
  | { kind: 'text'; /** One character a byte (latin1). */ bytes: string }
  | { kind: 'tick' }
  /** A shell has started. */
  | { kind: 'greeting' }
  /** The answer to a line that only asks whether somebody reads it. */
  | { kind: 'answer'; id: string }
  /** A command has begun; `translated` tells that the terminal adds a carriage return to each line feed. */
  | { kind: 'begin'; id: string; translated: boolean }
  | { kind: 'end'; id: string; status: number };

/** Formats of printf for the markers of the command or the question `id`; the last one takes the exit status. */
export function markerFormats(id: string): { answer: string; begin: string; end: string } {
  return { answer: `\\036${id}!\\n`, begin: `\\036${id}<\\n`, end: `\\036${id}>%d\\n` };
}

const marker = /^\x1e(?:(t)|(shell)|([a-z][a-z0-9]{1,40})(?:([!<])|>(\d{1,3})))(\r?)\n/;
/** No marker is longer, so that what follows a record separator is not held back for ever. */
const longestMarker = 50;

/** Cuts what comes from the shell's terminal into tokens, wherever a marker stands in it and however the chunks are cut. */
export class MarkerReader {
  private rest = '';

  /** The tokens that are complete with this chunk. The start of what may become a marker is held back. */
  push(chunk: Buffer): Token[] {
    let text = this.rest + chunk.toString('latin1');
    this.rest = '';
    const tokens: Token[] = [];
    const addText = (bytes: string): void => {
      const last = tokens.at(-1);
      if (bytes === '') return;
      if (last?.kind === 'text') last.bytes += bytes;
      else tokens.push({ kind: 'text', bytes });
    };
    for (let at = text.indexOf(recordSeparator); at !== -1; at = text.indexOf(recordSeparator)) {
      addText(text.slice(0, at));
      text = text.slice(at);
      const match = marker.exec(text);
      if (match) {
        tokens.push(tokenOf(match));
        text = text.slice(match[0].length);
      } else if (couldBecomeMarker(text)) {
        this.rest = text;
        return tokens;
      } else {
        addText(text.slice(0, 1));
        text = text.slice(1);
      }
    }
    addText(text);
    return tokens;
  }
}

function tokenOf([, tick, greeting, id = '', kind, status, carriageReturn]: RegExpExecArray): Token {
  if (tick !== undefined) return { kind: 'tick' };
  if (greeting !== undefined) return { kind: 'greeting' };
  if (kind === '!') return { kind: 'answer', id };
  return kind === '<'
    ? { kind: 'begin', id, translated: carriageReturn !== '' }
    : { kind: 'end', id, status: Number(status) };
}

function couldBecomeMarker(text: string): boolean {
  return text.length < longestMarker && /^\x1e[a-z0-9]*(?:[!<]|>\d*)?\r?$/.test(text);
}
