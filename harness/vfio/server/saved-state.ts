import type { MigrationState } from '../protocol/numbers.js';
import { wayTo } from './state-machine.js';

/** The device state that migrates: what the BARs hold. Configuration space is not part of it, as in any vfio-user server. */
export class SavedState {
  state: MigrationState = 'RUNNING';
  private outgoing = Buffer.alloc(0);
  private incoming: Buffer[] = [];

  constructor(private readonly bars: readonly Buffer[]) {}

  /** Goes to a state; false where there is no way to it, or what came is not a whole device. */
  goTo(state: MigrationState): boolean {
    const way = wayTo(this.state, state);
    return way?.every((next) => this.step(next)) ?? false;
  }

  /** The next bytes of the device, at most so many; undefined in a state in which it does not save. */
  take(bytes: number): Buffer | undefined {
    if (this.state !== 'STOP_COPY' && this.state !== 'PRE_COPY') return undefined;
    const taken = this.outgoing.subarray(0, bytes);
    this.outgoing = this.outgoing.subarray(bytes);
    return taken;
  }

  /** Takes more bytes of another device; false in a state in which it does not load. */
  give(data: Buffer): boolean {
    if (this.state !== 'RESUMING') return false;
    this.incoming.push(Buffer.from(data));
    return true;
  }

  reset(): void {
    this.state = 'RUNNING';
    this.outgoing = Buffer.alloc(0);
    this.incoming = [];
  }

  private step(next: MigrationState): boolean {
    // Nothing is given before the device stops: what changes until then would be missing from it.
    if (next === 'PRE_COPY') this.outgoing = Buffer.alloc(0);
    if (next === 'STOP_COPY') this.outgoing = Buffer.concat(this.bars);
    if (next === 'RESUMING') this.incoming = [];
    if (this.state === 'RESUMING' && !this.load()) {
      this.state = 'ERROR';
      return false;
    }
    this.state = next;
    return true;
  }

  private load(): boolean {
    let rest = Buffer.concat(this.incoming);
    if (rest.length !== this.bars.reduce((sum, bar) => sum + bar.length, 0)) return false;
    for (const bar of this.bars) {
      bar.set(rest.subarray(0, bar.length));
      rest = rest.subarray(bar.length);
    }
    return true;
  }
}
