// Waiting for a condition instead of for time: a test never sleeps and then hopes.

/** ms between two looks. */
const lookMs = 5;

/** Resolves with the first value of `condition` that is neither false nor undefined; rejects after `withinMs`. */
export async function until<T>(
  what: string,
  condition: () => T | false | undefined | Promise<T | false | undefined>,
  withinMs = 5000,
): Promise<T> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== undefined) return value;
    if (performance.now() > deadlineMs) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}
