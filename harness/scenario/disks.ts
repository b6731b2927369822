import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Makes empty raw disk images of so many MiB in a folder, and returns the words that attach each as `-drive` of its name. */
export function makeDisks(disks: Readonly<Record<string, number>>, folder: string): string[] {
  return Object.entries(disks).flatMap(([id, mebibytes]) => {
    const path = join(folder, `${id}.img`);
    writeFileSync(path, '', { mode: 0o600, flag: 'a' });
    truncateSync(path, mebibytes * 2 ** 20);
    return ['-drive', `if=none,id=${id},format=raw,file=${path.replaceAll(',', ',,')}`];
  });
}
