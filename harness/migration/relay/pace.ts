/** Spreads bytes over time: no more than so many a second, and never more than a tenth of a second's at once. */
export class Pace {
  private dueMs = performance.now();

  constructor(private readonly bytesPerSecond: number) {}

  /** Milliseconds to wait before anything more may go, once so many bytes have gone. */
  spend(bytes: number): number {
    const nowMs = performance.now();
    this.dueMs = Math.max(this.dueMs, nowMs) + (bytes * 1000) / this.bytesPerSecond;
    return this.dueMs - nowMs;
  }
}
