import type { Build } from '../../build/build.js';
import { locateCommit } from '../../build/git/locate.js';
import { defaultArch, probed, type ResolveOptions } from '../../build/resolve.js';
import { Deadline } from '../../core/deadline.js';
import { BuildError, CompileError, UsageError } from '../../core/errors.js';
import type { Unusable } from '../history/examination.js';

/** Milliseconds that the compile of a commit may take. */
const compileMs = 60 * 60_000;

/** Whether it is the commit's own fault: any other wrong word is the user's, and wrong for every commit. */
function isNoQemu(thrown: unknown): thrown is UsageError {
  return thrown instanceof UsageError && thrown.message.includes('is no commit of QEMU');
}

/**
 * A commit's build, compiled where need be; why it cannot be judged when it does not compile, is no QEMU, or does not run once it is
 * compiled. Throws BuildError when the host could not compile it, and UsageError for wrong words: that says nothing of the commit.
 */
export async function commitBuild(name: string, options: ResolveOptions): Promise<Build | Unusable> {
  const deadline = Deadline.after(compileMs);
  let located;
  try {
    located = await locateCommit(name, { ...options, arch: defaultArch, deadline, fetch: true });
  } catch (thrown) {
    if (!(thrown instanceof CompileError || isNoQemu(thrown))) throw thrown;
    const { log } = thrown.data;
    return { reason: thrown.message, ...(typeof log === 'string' && { log }) };
  }
  try {
    return await probed(located, { ...options, deadline });
  } catch (thrown) {
    options.signal?.throwIfAborted();
    if (!(thrown instanceof BuildError)) throw thrown;
    return { reason: `it was compiled and does not run: ${thrown.message}` };
  }
}
