import { type Capture, readCapture } from '../../../harness/stream/capture.js';
import { StreamEditor, type StreamEdit } from '../../../harness/stream/edit/editor.js';
import { StreamFeed } from '../../../harness/stream/input.js';

/** A stream as it leaves an editor; fed in portions of that many bytes. Fails when an edit changes nothing. */
export function edited(bytes: Buffer, edits: readonly StreamEdit[], portion = bytes.length): Buffer {
  const editor = new StreamEditor(edits);
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += portion)
    out.push(...editor.push(bytes.subarray(at, at + portion)).map((part) => Buffer.from(part)));
  out.push(...editor.end());
  editor.verify();
  return Buffer.concat(out);
}

/** A capture of bytes that are all there. */
export function readBytes(bytes: Buffer, options: { pages?: boolean } = {}): Capture {
  const feed = new StreamFeed((stream) => readCapture(stream, options));
  feed.push(bytes);
  return feed.end();
}
