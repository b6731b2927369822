import type { LocatedBuild } from '../../../harness/build/build.js';
import { quoteWord } from '../../../harness/machine/words.js';

/** A script that is a build's QEMU, after a line of shell that may refuse, wait or change its words, and with more words at the end. */
export function wrapperScript({ command, env }: LocatedBuild, { shell = '', more = '' } = {}): string {
  const exported = Object.entries(env).map(([key, value]) => `export ${key}=${quoteWord(value)}\n`);
  return `#!/bin/sh\n${exported.join('')}${shell}\nexec ${command.map(quoteWord).join(' ')} "$@" ${more}\n`;
}
