import { connect } from 'node:net';

/**
 * Stands on the host for a QEMU in the nested guest, so that Godwit has a process to start, to read and to kill: it hands its words to
 * the nested host that listens on the first of them, prints what that QEMU prints, and ends with its exit status. When it is killed, its
 * connection closes, by which the QEMU ends.
 */
const [path = '', ...words] = process.argv.slice(2);
const wire = connect(path, () => wire.write(`${JSON.stringify(words)}\n`));
/** What comes after the NUL is the exit status. */
let status: string | undefined;

wire.on('data', (chunk) => {
  const end = status === undefined ? chunk.indexOf(0) : -1;
  if (status !== undefined) status += chunk.toString();
  else if (end === -1) process.stderr.write(chunk);
  else {
    process.stderr.write(chunk.subarray(0, end));
    status = chunk.subarray(end + 1).toString();
  }
  // The line feed says that the number is whole.
  if (status?.endsWith('\n') === true) process.exit(Number(status));
});
wire.on('error', (error) => process.stderr.write(`the nested host went away: ${error.message}\n`));
wire.on('close', () => process.exit(125));
