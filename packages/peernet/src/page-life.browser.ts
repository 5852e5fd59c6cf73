// Pages sleep: hidden tabs are throttled, frozen and restored, computers are closed and networks change. Sockets that
// died meanwhile often say nothing. This file hears of it and says so; what to do about it is known elsewhere.

/** What the network should do about it. */
export interface LifeEvents {
  /** Connections may have died: ask them. */
  doubt(): void;
  /** A new beginning: the network is back, or the page is. */
  wake(): void;
}

/** Listens until the function that it returns is called. Workers have no document: there only the network counts. */
export function watchLife({ doubt, wake }: LifeEvents): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  const both = (): void => {
    doubt();
    wake();
  };
  if (typeof globalThis.addEventListener !== 'function') return () => {};
  globalThis.addEventListener('online', both, { signal });
  globalThis.addEventListener('offline', doubt, { signal });
  // From the back/forward cache; the first one of a page finds nothing to do.
  globalThis.addEventListener('pageshow', (event) => event.persisted && both(), { signal });
  globalThis.document?.addEventListener('resume', both, { signal });
  globalThis.document?.addEventListener(
    'visibilitychange',
    () => globalThis.document.visibilityState === 'visible' && doubt(),
    { signal },
  );
  return () => stop.abort();
}
