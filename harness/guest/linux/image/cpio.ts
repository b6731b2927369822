/** One entry of an archive; `path` is relative to its root, without a leading slash. */
export type CpioEntry =
  | { path: string; kind: 'folder' }
  | { path: string; kind: 'file'; content: Buffer; /** Permission bits; 0o644 unless told. */ mode?: number }
  | { path: string; kind: 'link'; target: string }
  | { path: string; kind: 'character'; major: number; minor: number };

/** File types of st_mode, as in sys/stat.h. */
const typeBits = { folder: 0o040000, file: 0o100000, link: 0o120000, character: 0o020000 };
const trailer = 'TRAILER!!!';

/**
 * A cpio archive of the kind "newc", which Linux unpacks as an initramfs (Documentation/driver-api/early-userspace/buffer-format.rst).
 * The same entries make the same bytes: sorted by path, all owned by root, without times. The folders above an entry must be entries.
 */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
  const parts = sorted.flatMap((entry, index) => member(entry, index + 1));
  return Buffer.concat([...parts, ...header(trailer, { inode: 0, mode: 0, links: 1, size: 0, device: [0, 0] })]);
}

function member(entry: CpioEntry, inode: number): Buffer[] {
  const content = contentOf(entry);
  const permissions = entry.kind === 'file' ? (entry.mode ?? 0o644) : entry.kind === 'folder' ? 0o755 : 0o777;
  return [
    ...header(entry.path, {
      inode,
      mode: typeBits[entry.kind] | (entry.kind === 'character' ? 0o600 : permissions),
      links: entry.kind === 'folder' ? 2 : 1,
      size: content.length,
      device: entry.kind === 'character' ? [entry.major, entry.minor] : [0, 0],
    }),
    content,
    padding(content.length),
  ];
}

function contentOf(entry: CpioEntry): Buffer {
  if (entry.kind === 'file') return entry.content;
  return entry.kind === 'link' ? Buffer.from(entry.target) : Buffer.alloc(0);
}

interface Fields {
  inode: number;
  mode: number;
  links: number;
  size: number;
  device: readonly [major: number, minor: number];
}

function header(path: string, { inode, mode, links, size, device }: Fields): Buffer[] {
  const name = Buffer.from(`${path}\0`);
  // inode, mode, uid, gid, nlink, mtime, filesize, major and minor of the file system, major and minor of a device, namesize, check.
  const numbers = [inode, mode, 0, 0, links, 0, size, 0, 0, ...device, name.length, 0];
  const text = `070701${numbers.map((number) => number.toString(16).toUpperCase().padStart(8, '0')).join('')}`;
  return [Buffer.from(text), name, padding(text.length + name.length)];
}

/** Headers with their names, and contents, each end on a multiple of four bytes. */
function padding(length: number): Buffer {
  return Buffer.alloc(-length & 3);
}
