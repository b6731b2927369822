import type { StreamEdit } from '../../stream/edit/editor.js';

/** What happens to a stream on its way through the relay. Everything is about the main channel, except for the copy. */
export interface RelayPlan {
  /** Fields that are changed, sections that are moved or left out. A migration whose edits change nothing throws StateError. */
  edits?: readonly StreamEdit[];
  /**
   * Keeps a copy of what the destination is sent, one file for each channel. 'whole' goes on with it when the destination is gone, so that all
   * of the stream is in it: a source that awaits no answers then does not see that end.
   */
  tee?: boolean | 'whole';
  /** Ends the connection after so many bytes, or where a section begins; neither side is told. */
  cut?: { afterBytes: number } | { beforeSection: string };
  /** No faster than this. */
  bytesPerSecond?: number;
}
