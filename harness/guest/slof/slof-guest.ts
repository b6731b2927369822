import type { Duplex } from 'node:stream';
import type { Deadline } from '../../core/deadline.js';
import { DisposeStack } from '../../core/dispose.js';
import { ConnectError, GuestError, messageOf, UsageError } from '../../core/errors.js';
import { Watch } from '../../core/watch.js';
import { familyOf } from '../../machine/family.js';
import type { Machine } from '../../machine/machine.js';
import { firstSerial } from '../first-serial.js';
import { type MsiAnswer, MsiCalls, type MsiRequest } from '../rtas/change-msi.js';

/** Words of a command line that have SLOF stop at its prompt. */
export const slofWords = ['-prom-env', 'auto-boot?=false'] as const;

/** How SLOF shows that it waits for a line: the depth of its stack, and that the terminal is to keep this place. */
const prompt = /\d+ > \x1b7$/;
/** What it sends to move the cursor behind a line that it has read. */
const escapes = /\x1b(?:\[[\d;?]*[A-Za-z]|[78])/g;
/** What it says last of a line that it has carried out. */
const fulfilled = ' ok';
/** Words that are put into the argument buffer by one line: SLOF takes no longer ones than 255 characters. */
const wordsOfLine = 4;
/** The most characters of what was heard last that a message shows. */
const shownCharacters = 200;

/**
 * SLOF, the firmware that QEMU brings for pseries machines, at its Forth prompt: a guest that is no code of ours. It takes seconds to come up. It goes
 * from machine to machine with the migrations; whoever migrates tells it with `arrive`. All methods throw GuestError when it does not answer.
 */
export class SlofGuest implements AsyncDisposable {
  private heard = new Watch<string>(tail);
  private text = '';
  private readonly msi: MsiCalls;
  private wire: Duplex;

  private constructor(
    private current: Machine,
    private readonly deadline: Deadline,
  ) {
    const { rtas: buid } = familyOf(current.spec.machineType);
    if (!buid) throw new UsageError(`a machine of type ${current.spec.machineType} has no SLOF; accepted: pseries`);
    this.msi = new MsiCalls((name, args, results) => this.rtas(name, args, results), buid);
    this.wire = this.listen(firstSerial(current, 'SLOF'));
  }

  /** Starts a machine that was just launched with `slofWords` and a serial port, and waits for SLOF's prompt. */
  static async attach(machine: Machine, deadline: Deadline): Promise<SlofGuest> {
    await using undo = new DisposeStack();
    const guest = undo.use(new SlofGuest(machine, deadline));
    const ready = guest.prompted('its prompt');
    ready.catch(() => undefined);
    await machine.qmp.execute('cont');
    await ready;
    // It is its caller's to dispose of from here on.
    undo.move();
    return guest;
  }

  /** The machine that it is on. */
  get machine(): Machine {
    return this.current;
  }

  /** Takes up with the machine that it came to by migration. A line that it has not carried out by then fails. */
  arrive(machine: Machine): Promise<void> {
    this.close('the guest has gone to another machine');
    this.current = machine;
    this.heard = new Watch<string>(tail);
    this.wire = this.listen(firstSerial(machine, 'SLOF'));
    return Promise.resolve();
  }

  /** Has a line of Forth carried out: what it prints. Numbers are hexadecimal. Throws GuestError where SLOF says anything but ok. */
  async forth(line: string): Promise<string> {
    this.text = '';
    const answered = this.prompted(`'${line}'`);
    this.wire.write(`${line}\r`);
    const told = await answered;
    const behindEcho = told.slice(told.indexOf(line) + line.length);
    const answer = behindEcho.replace(prompt, '').replaceAll(escapes, '').trimEnd();
    if (answer.endsWith(fulfilled)) return answer.slice(0, -fulfilled.length).trim();
    throw new GuestError(`SLOF did not carry out '${line}': it answered '${answer.trim()}'`);
  }

  /** Has SLOF make an RTAS call, in the buffer that it keeps for its own: its results, the status first. */
  async rtas(name: string, args: readonly number[], results: number): Promise<number[]> {
    const token = Number.parseInt(await this.forth(`" ${name}" rtas-get-token .`), 16);
    if (!(token > 0)) throw new UsageError(`SLOF has no token for the RTAS call ${name}`);
    const words = [token, args.length, results, ...args];
    for (let first = 0; first < words.length; first += wordsOfLine) {
      const stores = words
        .slice(first, first + wordsOfLine)
        .map((word, index) => `${hexOf(word)} rtas-cb ${hexOf(4 * (first + index))} + l!`);
      await this.forth(stores.join(' '));
    }
    await this.forth('enter-rtas');
    const loads = Array.from({ length: results }, (_, index) => `rtas-cb ${hexOf(4 * (words.length + index))} + l@ .`);
    const told = await this.forth(loads.join(' '));
    return told.split(/\s+/).map((word) => Number.parseInt(word, 16) | 0);
  }

  /** ibm,change-msi for a PCI function ("00:01.0"). */
  changeMsi(address: string, request: MsiRequest): Promise<MsiAnswer> {
    return this.msi.changeMsi(address, request);
  }

  /** Speaks to it no more; its machine stays as it is. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close('it is not listened to any more');
    return Promise.resolve();
  }

  private listen(wire: Duplex): Duplex {
    const { heard } = this;
    this.text = '';
    const end = (why: string): void => heard.end(new ConnectError(`the terminal of SLOF ${why}`));
    wire.on('data', (chunk: Buffer) => {
      if (this.heard !== heard) return;
      this.text += chunk.toString('latin1');
      heard.publish(this.text);
    });
    wire.on('error', (error) => end(`broke: ${error.message}`));
    wire.on('close', () => end('was closed'));
    wire.on('end', () => end('was closed'));
    return wire;
  }

  private close(why: string): void {
    this.heard.end(new ConnectError(`the terminal of SLOF is not listened to: ${why}`));
  }

  private async prompted(what: string): Promise<string> {
    try {
      return await this.heard.until({
        what: `SLOF after ${what}`,
        goal: (text) => (prompt.test(text) ? text : undefined),
        deadline: this.deadline,
      });
    } catch (thrown) {
      if (thrown instanceof ConnectError) throw thrown;
      throw new GuestError(`SLOF did not come to its prompt: ${messageOf(thrown)}`, { cause: thrown });
    }
  }
}

function tail(text: string): string {
  return JSON.stringify(text.slice(-shownCharacters));
}

function hexOf(word: number): string {
  return (word >>> 0).toString(16);
}
