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

/** Resolves with the first result of `attempt` that is no failure; rejects after `withinMs`, naming each failure. */
export async function untilDone<T>(what: string, attempt: () => Promise<T>, withinMs = 5000): Promise<T> {
  const failures: string[] = [];
  const startMs = performance.now();
  const at = (): string => `${Math.round(performance.now() - startMs)} ms`;
  const once = (): Promise<{ result: T } | undefined> =>
    attempt().then(
      (result) => ({ result }),
      (error: unknown) => void failures.push(`after ${at()}: ${String(error)}`),
    );
  return until(what, once, withinMs).then(
    ({ result }) => result,
    (error: Error) => {
      throw new Error([error.message, ...failures.slice(0, 20)].join('\n'));
    },
  );
}
