/**
 * Runs `work` with a signal that Ctrl-C, SIGTERM and SIGHUP abort; a second Ctrl-C ends the process at once.
 * Sets the exit status to 130 when it was aborted.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
  const interrupt = new AbortController();
  const onSignal = (): void => {
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  // Not `once`: signal-exit, which execa brings, ends the process when it finds itself the only listener.
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await work(interrupt.signal);
  } catch (thrown) {
    if (!interrupt.signal.aborted) throw thrown;
    return undefined;
  } finally {
    if (interrupt.signal.aborted) process.exitCode = 130;
    for (const signal of signals) process.off(signal, onSignal);
  }
}
