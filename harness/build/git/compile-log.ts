import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makePrivateFolder } from '../cache-folder.js';
import { LineSplitter } from '../../core/lines.js';

/** What the lines of a compile tell apart, each by the words of the program that prints it. */
const tellTales = {
  /** The kernel's words for ENOSPC and EDQUOT, which every program prints. */
  diskFull: /No space left on device|Disk quota exceeded/i,
  /** gcc's driver of a compiler or linker that the kernel ended, and those that got no memory. */
  killed:
    /(?:Killed|Terminated) signal terminated program|terminated with signal (?:9|15)\b|fatal error: Killed|^Killed$|virtual memory exhausted|out of memory allocating|Cannot allocate memory/,
  /** Meson's and configure's words for what has to be installed. */
  missing:
    /\bERROR: .*(?:not found|is required|required to compile|[Uu]nknown compiler|Cannot find|could not be found)/,
  /** A compiler, linker, configure or meson says what is wrong with the source. */
  error: /(?:^|[\s:])(?:fatal )?error: |\bERROR: |undefined reference|multiple definition/,
} as const;

const keptLines = 20;

/** The log of one compile: a file, its last lines, and the first line of each kind that tells why a compile failed. */
export class CompileLog implements AsyncDisposable {
  readonly told: Partial<Record<keyof typeof tellTales, string>> = {};
  /** The last twenty lines. */
  readonly lastLines: string[] = [];
  private readonly lines = new LineSplitter((line) => this.see(line));

  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    private readonly onLine: (line: string) => void,
  ) {}

  /** Starts an empty log; `onLine` gets each line as it comes. */
  static async create(path: string, onLine: (line: string) => void): Promise<CompileLog> {
    await makePrivateFolder(dirname(path));
    return new CompileLog(path, await open(path, 'w', 0o600), onLine);
  }

  /** Throws what writing throws, as when the disk is full. */
  async write(chunk: Buffer | string): Promise<void> {
    const bytes = Buffer.from(chunk);
    this.lines.push(bytes);
    await this.file.appendFile(bytes);
  }

  /** The one line that says best why the compile failed. */
  get reason(): string {
    return (this.told.error ?? this.lastLines.at(-1) ?? 'it printed nothing').trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.file.close();
  }

  private see(line: string): void {
    if (line.trim() === '') return;
    this.lastLines.push(line);
    if (this.lastLines.length > keptLines) this.lastLines.shift();
    for (const kind of ['diskFull', 'killed', 'missing', 'error'] as const) {
      if (this.told[kind] === undefined && tellTales[kind].test(line)) this.told[kind] = line.trim();
    }
    this.onLine(line);
  }
}
