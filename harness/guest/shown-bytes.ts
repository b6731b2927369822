/** The most bytes that a message shows. */
const most = 64;

/** What a guest said, in hexadecimal digits, as far as it fits into a message. */
export function shownBytes(bytes: Buffer): string {
  const more = bytes.length > most ? ` and ${bytes.length - most} bytes more` : '';
  return `${bytes.subarray(0, most).toString('hex')}${more}`;
}
