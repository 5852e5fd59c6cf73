// Conformance suites are plain data, so that any test runner runs them and they depend on nothing but the contract:
//
//   for (const c of transportCases) test(c.name, () => c.run(makeMyTransport))

/** One promise of a contract. */
export interface Case<Subject> {
  readonly name: string;
  /** What the subject must be able to do; a runner skips the case only if the subject declares that it cannot. */
  readonly needs?: string | undefined;
  /** Makes its own subject(s); throws an Error that says what was broken. */
  run(make: () => Promise<Subject> | Subject): Promise<void>;
}

/** Throws unless `condition`. */
export function check(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Throws unless both are the same in JSON. */
export function same(actual: unknown, expected: unknown, message: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${message}: expected ${b}, got ${a}`);
}

/** The promise, or an Error after `ms`: a case may fail, but never hang. */
export async function within<T>(ms: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
