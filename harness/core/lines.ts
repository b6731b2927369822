import { StringDecoder } from 'node:string_decoder';
import { ProtocolError } from './errors.js';

/** The longest line that is taken as one message, in characters; QEMU's longest answers (query-qmp-schema) are below 1 MB. */
const maxLineLength = 64 * 1024 * 1024;

/**
 * Cuts a stream of bytes into lines. node:readline is not used: it turns the ECONNRESET of a dead QEMU into an uncaught error.
 * `push` throws ProtocolError when a line grows beyond 64 Mi characters.
 */
export class LineSplitter {
  private readonly decoder = new StringDecoder('utf8');
  private parts: string[] = [];
  private length = 0;

  constructor(private readonly onLine: (line: string) => void) {}

  push(chunk: Buffer): void {
    const text = this.decoder.write(chunk);
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      this.keep(text.slice(start, end));
      this.flush();
      start = end + 1;
    }
    if (start < text.length) this.keep(text.slice(start));
  }

  /** Hands on what came after the last line feed, if anything. */
  end(): void {
    if (this.length > 0) this.flush();
  }

  private keep(text: string): void {
    this.length += text.length;
    if (this.length > maxLineLength) {
      throw new ProtocolError(`a line grew beyond ${maxLineLength} characters without a line feed`);
    }
    this.parts.push(text);
  }

  private flush(): void {
    const line = this.parts.length === 1 ? (this.parts[0] ?? '') : this.parts.join('');
    this.parts = [];
    this.length = 0;
    this.onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
  }
}
