import { closeSync, openSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { ChannelFigures } from '../../record/outcome.js';
import { Pace } from './pace.js';

/** Changes bytes on their way; `isOver` ends the connection once what `push` returned has been sent. */
export interface Transform {
  push(chunk: Buffer): Buffer[];
  end(): Buffer[];
  readonly isOver: boolean;
}

export interface ConnectionOptions {
  /** Absent for the channels that pass as they are. */
  transform?: Transform;
  /** Path of the copy. */
  tee?: string;
  /** Takes what the source sends to its end, though the destination is gone. */
  isWhole?: boolean;
  bytesPerSecond?: number;
}

/**
 * One connection of a source, passed on to the destination and back. Each side sees of the other what it would see without a relay: the
 * end of what is sent, and a broken connection.
 */
export class RelayedConnection {
  readonly figures: ChannelFigures = { bytesToDestination: 0, bytesToSource: 0 };
  private readonly pace: Pace | undefined;
  private copy: number | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly source: Socket,
    private readonly destination: Socket,
    private readonly options: ConnectionOptions,
  ) {
    if (options.bytesPerSecond !== undefined) this.pace = new Pace(options.bytesPerSecond);
    if (options.tee !== undefined) {
      this.copy = openSync(options.tee, 'wx', 0o600);
      this.figures.file = options.tee;
    }
    source.on('data', (chunk: Buffer) => this.forth(chunk));
    source.on('end', () => this.finish());
    destination.on('data', (chunk: Buffer) => this.back(chunk));
    destination.on('end', () => {
      if (!this.outlasts()) source.end();
    });
    // What is on its way to a side is still sent when the other one is gone; then that side finds its connection closed.
    source.on('error', () => undefined);
    source.on('close', () => this.closed(destination));
    destination.on('error', () => undefined);
    destination.on('close', () => {
      if (this.outlasts()) source.resume();
      else this.closed(source);
    });
  }

  /** Resolves when the source sends no more, or is gone. */
  get silence(): Promise<unknown> {
    const { source } = this;
    if (source.readableEnded || source.destroyed) return Promise.resolve();
    return new Promise((resolve) => source.once('end', resolve).once('close', resolve));
  }

  /** Breaks the connection on both sides. */
  break(): void {
    clearTimeout(this.timer);
    this.source.destroy();
    this.destination.destroy();
    this.closeCopy();
  }

  private forth(chunk: Buffer): void {
    const { transform } = this.options;
    const parts = transform ? transform.push(chunk) : [chunk];
    this.send(parts);
    if (transform?.isOver) this.destination.end(() => this.break());
    else if (this.pace) this.rest(this.pace.spend(chunk.length));
  }

  private finish(): void {
    if (this.options.transform) this.send(this.options.transform.end());
    this.destination.end();
    if (this.destination.destroyed) this.break();
  }

  private send(parts: readonly Buffer[]): void {
    let room = true;
    for (const part of parts) {
      this.figures.bytesToDestination += part.length;
      if (this.copy !== undefined) writeSync(this.copy, part);
      if (!this.destination.destroyed) room = this.destination.write(part);
    }
    if (room) return;
    this.source.pause();
    this.destination.once('drain', () => this.source.resume());
  }

  /** Whether the source is still listened to when the destination is gone. One that was answered awaits more, and must see the end. */
  private outlasts(): boolean {
    return this.options.isWhole === true && this.figures.bytesToSource === 0 && !this.source.readableEnded;
  }

  private back(chunk: Buffer): void {
    this.figures.bytesToSource += chunk.length;
    if (this.source.write(chunk)) return;
    this.destination.pause();
    this.source.once('drain', () => this.destination.resume());
  }

  private rest(ms: number): void {
    if (ms < 1) return;
    this.source.pause();
    this.timer = setTimeout(() => this.source.resume(), ms);
  }

  private closed(other: Socket): void {
    if (!other.destroyed) other.destroySoon();
    else this.closeCopy();
  }

  private closeCopy(): void {
    if (this.copy !== undefined) closeSync(this.copy);
    this.copy = undefined;
  }
}
