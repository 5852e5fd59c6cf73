// A search as a stream of rows that ends by itself, with the search, or when its reader has enough.
import { isPeernetError, PeernetError } from '@peernet/core';
import type { SearchRow as Found } from '@peernet/search';
import { DEFAULTS } from './defaults.js';
import type { Parts } from './parts.js';
import { rowsFrom } from './rows.js';
import type { RowStream, SearchRow } from './types.js';

export interface Searching {
  readonly limit: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly payload: Uint8Array | undefined;
}

/** Starts when it is first read. */
export function searchRows(
  started: () => Promise<Parts>,
  name: string,
  searching: Searching,
  signal: AbortSignal | undefined,
): RowStream<SearchRow> {
  return rowsFrom<SearchRow>((push, end) => {
    let cancel = (): void => {};
    let over = false;
    const finish = (error?: Error): void => {
      over = true;
      signal?.removeEventListener('abort', abort);
      end(error);
    };
    const abort = (): void => {
      cancel();
      finish(new PeernetError('ABORTED', 'the search was given up'));
    };
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    started()
      .then((parts) => {
        if (over) return;
        const onRow = (row: Found): void => push(plainRow(row, name, parts));
        cancel = parts.search.search(name, searching, onRow, () => finish());
      })
      // Closing ends a search that was there before; asking afterwards is the error.
      .catch((error: Error) => finish(isPeernetError(error, 'CLOSED') ? undefined : error));
    return () => {
      over = true;
      signal?.removeEventListener('abort', abort);
      cancel();
    };
  }, DEFAULTS.rowsMax);
}

/** What users see of a row: without its record. */
function plainRow({ record: _, ...row }: Found, hash: string, parts: Parts): SearchRow {
  return { ...row, hash, verified: parts.hub.isVerified(row.id) };
}
