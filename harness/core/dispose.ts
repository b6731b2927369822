import { messageOf } from './errors.js';

/**
 * What must be undone, in the order it was done; undone in reverse. Register the release before the acquire can fail half-way.
 * Disposing runs every release; the first failure is thrown with the later ones in its `cause`.
 */
export class DisposeStack implements AsyncDisposable {
  private releases: (() => unknown)[] = [];

  defer(release: () => unknown): void {
    this.releases.push(release);
  }

  use<T extends AsyncDisposable>(resource: T): T {
    this.defer(() => resource[Symbol.asyncDispose]());
    return resource;
  }

  /** Hands everything to a new stack, so that a constructor that went well can keep what it made. */
  move(): DisposeStack {
    const kept = new DisposeStack();
    kept.releases = this.releases;
    this.releases = [];
    return kept;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let release = this.releases.pop(); release; release = this.releases.pop()) {
      try {
        await release();
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1)
      throw new AggregateError(failures, `cleaning up failed: ${failures.map(messageOf).join('; ')}`);
  }
}
