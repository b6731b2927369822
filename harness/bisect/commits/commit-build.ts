import type { Build } from '../../build/build.js';
import { locate, probed, type ResolveOptions } from '../../build/resolve.js';
import { Deadline } from '../../core/deadline.js';
import { BuildError, CompileError, UsageError } from '../../core/errors.js';
import type { Unusable } from '../history/examination.js';

/** Milliseconds that the compile of a commit may take. */
const compileMs = 60 * 60_000;

/** A commit that does not compile, as a search is told of it: why, and the log where there is one. */
export function unusableBy({ message, data: { log } }: CompileError | UsageError): Unusable {
  return { reason: message, ...(typeof log === 'string' && { log }) };
}

/** Whether a wrong word is wrong for one commit, which its error then names: any other is wrong for all of them. */
function isOfCommit(thrown: unknown): thrown is UsageError {
  return thrown instanceof UsageError && 'commit' in thrown.data;
}

/**
 * A commit's build, compiled where need be; why it cannot be judged when it does not compile, is no QEMU, or does not run once it is
 * compiled. Throws BuildError when the host could not compile it, and UsageError for wrong words: that says nothing of the commit.
 */
export async function commitBuild(name: string, options: ResolveOptions): Promise<Build | Unusable> {
  const deadline = Deadline.after(compileMs);
  let located;
  try {
    located = await locate(name, { ...options, deadline });
  } catch (thrown) {
    if (!(thrown instanceof CompileError || isOfCommit(thrown))) throw thrown;
    return unusableBy(thrown);
  }
  try {
    return await probed(located, { ...options, deadline });
  } catch (thrown) {
    options.signal?.throwIfAborted();
    if (!(thrown instanceof BuildError)) throw thrown;
    return { reason: `it was compiled and does not run: ${thrown.message}` };
  }
}
