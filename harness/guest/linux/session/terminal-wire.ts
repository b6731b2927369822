import type { Duplex } from 'node:stream';
import { ConnectError } from '../../../core/errors.js';

/** Who hears what comes from a terminal. */
export interface Hearer {
  data: (chunk: Buffer) => void;
  /** The wire closed, and nobody has named another one. */
  closed: (reason: ConnectError) => void;
}

/**
 * The wire to a terminal that may go on as another wire when its machine has migrated. What is still under way on the old wire is heard before
 * anything of the new one.
 */
export class TerminalWire {
  private current: Duplex;
  private readonly detach: (() => void)[] = [];
  /** Chunks of the new wire while the old one is not yet empty. */
  private held: Buffer[] | undefined;

  constructor(
    wire: Duplex,
    private readonly hearer: Hearer,
  ) {
    this.current = this.attach(wire);
  }

  /** Sends text; on a wire that has closed it goes nowhere. */
  write(text: string): void {
    if (this.current.writable) this.current.write(text);
  }

  /** From now on the other wire is written to. Resolves when all that came on the old one has been heard. */
  async moveTo(wire: Duplex): Promise<void> {
    const old = this.current;
    if (old === wire) return;
    let quiet = false;
    const stir = (): void => void (quiet = false);
    old.on('data', stir);
    this.held = [];
    this.current = this.attach(wire);
    // A machine that migrated has stopped: what it said lies in the socket, and is read in the next turns of the event loop.
    while (!quiet) {
      quiet = true;
      await nextTurn();
      await nextTurn();
    }
    old.off('data', stir);
    const { held } = this;
    this.held = undefined;
    for (const chunk of held) this.hearer.data(chunk);
  }

  /** Hears nothing any more; the wires themselves belong to their machines. */
  close(): void {
    for (const detach of this.detach.splice(0)) detach();
  }

  private attach(wire: Duplex): Duplex {
    const onData = (chunk: Buffer): void => {
      if (wire === this.current && this.held) this.held.push(chunk);
      else this.hearer.data(chunk);
    };
    const onClose = (): void => {
      if (wire === this.current) this.hearer.closed(new ConnectError("the wire to the guest's terminal has closed"));
    };
    // A machine that is killed resets its sockets; that they are closed follows.
    const onError = (): void => undefined;
    wire.on('error', onError);
    wire.on('close', onClose);
    this.detach.push(() => wire.off('data', onData).off('close', onClose));
    if (wire.destroyed) queueMicrotask(onClose);
    // Data flows from here on, and not before `current` is set: events come in later turns.
    wire.on('data', onData);
    return wire;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
