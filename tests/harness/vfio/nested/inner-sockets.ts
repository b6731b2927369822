import { DisposeStack } from '../../../../harness/core/dispose.js';
import { type LineEdit, Passage } from './passage.js';
import type { Port, UserNetwork } from './user-network.js';

/**
 * The sockets of one QEMU in the nested guest. Godwit names unix sockets of the host to it, on the command line and over QMP: those on which it
 * listens itself, and those by which QEMUs reach each other or a relay. Each name becomes that of a TCP port which leads to the socket of that
 * path, whoever listens there, or from it where this QEMU is to listen. A TCP channel of a migration is the guest's own, and stays in it.
 * Disposing it closes all of them.
 */
export class InnerSockets implements AsyncDisposable {
  private readonly undo = new DisposeStack();

  /** @param onFault is told why a name could not be replaced that came over QMP, which is closed then. */
  constructor(
    private readonly network: UserNetwork,
    private readonly onFault: (thrown: unknown) => void,
  ) {}

  /** The words of a command line as they are in the guest: there every socket is one to connect to. */
  async words(words: readonly string[]): Promise<string[]> {
    const inside: string[] = [];
    for (const [index, word] of words.entries()) {
      const path = unixPath(word)?.replaceAll(',,', ',');
      const edit = words[index - 1] === '-qmp' ? this.command : undefined;
      inside.push(path === undefined ? word : await this.toward(path, edit));
    }
    return inside;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.undo[Symbol.asyncDispose]();
  }

  /** A line of QMP to this QEMU as it is in the guest. */
  private readonly command = async (line: string): Promise<string> => {
    const { execute, arguments: given, ...rest } = JSON.parse(line) as QmpLine;
    const path = given?.uri === undefined ? undefined : unixPath(given.uri);
    if (path === undefined) return line;
    try {
      const uri = execute === 'migrate-incoming' ? await this.from(path) : await this.toward(path);
      return JSON.stringify({ execute, arguments: { ...given, uri }, ...rest });
    } catch (thrown) {
      this.onFault(thrown);
      throw thrown;
    }
  };

  /** Where this QEMU connects to whoever listens at that path of the host. */
  private async toward(path: string, edit?: LineEdit): Promise<string> {
    const { network } = this;
    const passage = await Passage.lead({ from: network.freePort, to: { path }, ...(edit && { edit }) });
    return channel(network.outward(this.undo.use(passage).address));
  }

  /** Where this QEMU listens for whoever connects to that path of the host. */
  private async from(path: string): Promise<string> {
    const { inside, outside } = this.undo.use(await this.network.forward());
    this.undo.use(await Passage.lead({ from: { path }, to: outside }));
    return channel(inside);
  }
}

/** In QEMU's words, for character devices and migrations alike. */
function channel({ host, port }: Port): string {
  return `tcp:${host}:${port}`;
}

interface QmpLine {
  execute?: string;
  arguments?: { uri?: string };
}

/** The absolute path of a unix socket that a word names; undefined for any other word. */
function unixPath(word: string): string | undefined {
  return /^unix:(\/.*)$/s.exec(word)?.[1];
}
