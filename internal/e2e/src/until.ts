// Waiting for a condition: what assertions on real sockets do instead of sleeping.

/** Milliseconds between looks. */
const lookMs = 20;

/** Resolves with the ms that it took until `condition` held; rejects with `what()` after `withinMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs: number,
  what: () => string,
): Promise<number> {
  const startMs = performance.now();
  while (!(await condition())) {
    const tookMs = performance.now() - startMs;
    if (tookMs > withinMs) throw new Error(`not within ${withinMs} ms: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
  return performance.now() - startMs;
}
