/** True when `awaited` came to a good end within `ms` milliseconds, false when it did not yet; throws what it throws. */
export async function within(awaited: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, ms, false)));
  try {
    return await Promise.race([awaited.then(() => true), elapsed]);
  } finally {
    clearTimeout(timer);
  }
}
