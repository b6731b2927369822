import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Deadline } from '../core/deadline.js';
import type { Build } from './build.js';
import { runChild } from './child.js';

const askMs = 10_000;
const digests = new WeakMap<Build, Promise<string>>();

/**
 * A digest of the firmware that a build takes its ROMs from: names, sizes and times of change of the files in all of its data folders, as
 * `-L help` lists them. Asked once per build and process; some 20 ms.
 */
export function firmwareDigest(build: Build): Promise<string> {
  const known = digests.get(build) ?? digestOf(build);
  digests.set(build, known);
  return known;
}

async function digestOf({ command, env }: Build): Promise<string> {
  const { stdout } = await runChild([...command, '-L', 'help'], { deadline: Deadline.after(askMs), env });
  const files = stdout.split('\n').flatMap((folder) => (folder === '' ? [] : filesIn(folder)));
  return createHash('sha256').update(files.join('\n')).digest('hex');
}

function filesIn(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch {
    // A folder that QEMU would look into and that is not there.
    return [];
  }
  return names.flatMap((name) => {
    const path = join(folder, name);
    const { size, mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? {};
    return size === undefined ? [] : [`${path} ${size} ${mtimeMs}`];
  });
}
