import { resolveBuild } from '../../../harness/build/resolve.js';
import { messageOf } from '../../../harness/core/errors.js';
import { Deadline } from '../../../harness/core/deadline.js';
import { linuxSystem } from '../../../harness/guest/linux/system.js';

/**
 * Fetches what the self-tests run on into the cache, before the first of them: how fast a mirror is decides over no test. What cannot be
 * had is said, and fails the tests that need it.
 */
const suites = ['bookworm', 'trixie'];
const kernels = { 'deb:bookworm': ['x86_64', 'aarch64'], 'deb:trixie': ['x86_64'] };
const patienceMs = 30 * 60_000;

const options = {
  deadline: Deadline.after(patienceMs),
  fetch: true,
  onProgress: (text: string): void => void process.stderr.write(`${text}\n`),
};

async function attempt(what: Promise<unknown>): Promise<void> {
  try {
    await what;
  } catch (thrown) {
    options.onProgress(messageOf(thrown));
  }
}

// One after the other: they share the line.
for (const arch of ['x86_64', 'aarch64', 'ppc64'])
  for (const suite of suites) await attempt(resolveBuild(`deb:${suite}`, { ...options, arch }));
for (const [kernel, archs] of Object.entries(kernels))
  for (const arch of archs) await attempt(linuxSystem({ kernel }, { ...options, arch }));
