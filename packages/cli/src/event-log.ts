// What happens in the daemon, as events: to the log file, to `peernet log`, and to the screen of `peernet server`.
// Everything is bounded: the file is turned over, memory holds the last thousand, a slow reader misses some.
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { logBytesMax, logItemsMax, logQueueMax, logRecentMax, shownCharsMax } from './defaults.js';
import { safe } from './safe.js';

export type Fields = Readonly<Record<string, unknown>>;

export interface LogEvent {
  /** Wall ms. */
  readonly time: number;
  readonly event: string;
  /** Plain, bounded values; strings as they came, up to the length that is shown. */
  readonly fields: Fields;
}

/** `2025-11-25T22:11:03.123Z connect id=3f… direction=out`: one line, harmless to a terminal. */
export function logLine({ time, event, fields }: LogEvent): string {
  const shown = Object.entries(fields).map(
    ([key, value]) =>
      `${safe(key)}=${typeof value === 'string' ? quoted(value) : safe(JSON.stringify(value))}`,
  );
  return [new Date(time).toISOString(), safe(event), ...shown].join(' ');
}

function quoted(value: string): string {
  return /^[^\s"=]+$/.test(value) ? safe(value) : `"${safe(value).replaceAll('"', '\\"')}"`;
}

export class EventLog {
  readonly #recent: LogEvent[] = [];
  readonly #sinks = new Set<(event: LogEvent) => void>();

  /** `fields` may hold anything; undefined ones are left out. */
  add(event: string, fields: Fields = {}): void {
    const plain: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(fields).slice(0, logItemsMax))
      if (value !== undefined) plain[key] = bounded(value, 2);
    const entry = { time: Date.now(), event: event.slice(0, shownCharsMax), fields: plain };
    this.#recent.push(entry);
    if (this.#recent.length > logRecentMax) this.#recent.shift();
    for (const sink of this.#sinks) sink(entry);
  }

  /** The last `count` events, oldest first. */
  recent(count: number): LogEvent[] {
    return count <= 0 ? [] : this.#recent.slice(-count);
  }

  /** Calls `sink` with every event from now on; returns what ends that. */
  subscribe(sink: (event: LogEvent) => void): () => void {
    this.#sinks.add(sink);
    return () => this.#sinks.delete(sink);
  }

  /** Events for one reader that may be slow: beyond `logQueueMax` waiting ones, new ones are dropped and counted. */
  async *follow(recent: number, signal: AbortSignal): AsyncGenerator<LogEvent> {
    const queue = this.recent(recent);
    let dropped = 0;
    let wake = (): void => {};
    const unsubscribe = this.subscribe((event) => {
      if (queue.length < logQueueMax) queue.push(event);
      else dropped += 1;
      wake();
    });
    const onAbort = (): void => wake();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) {
        const next = queue.shift();
        if (next !== undefined) yield next;
        else if (dropped > 0) {
          const lines = dropped;
          dropped = 0;
          yield { time: Date.now(), event: `${lines} lines dropped`, fields: {} };
        } else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      unsubscribe();
      signal.removeEventListener('abort', onAbort);
    }
  }
}

/** A copy that JSON can carry, with finite strings, lists and depth. */
function bounded(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.slice(0, shownCharsMax);
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value instanceof Error) return value.message.slice(0, shownCharsMax);
  if (value instanceof Uint8Array) return Buffer.from(value.subarray(0, shownCharsMax / 2)).toString('hex');
  if (typeof value !== 'object' || depth === 0) return String(value).slice(0, shownCharsMax);
  if (Array.isArray(value)) return value.slice(0, logItemsMax).map((item) => bounded(item, depth - 1));
  const entries = Object.entries(value).slice(0, logItemsMax);
  return Object.fromEntries(
    entries.map(([key, item]) => [key.slice(0, shownCharsMax), bounded(item, depth - 1)]),
  );
}

/**
 * Appends lines to `path` (0600) and turns it over to `path.1` before it grows beyond `bytesMax`. It is emptied in
 * place, not renamed: the daemon's own standard error stays connected to it.
 */
export class LogFile {
  readonly #path: string;
  readonly #bytesMax: number;
  #file: number | undefined;
  #bytes: number;

  constructor(path: string, bytesMax = logBytesMax) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#file = openSync(path, 'a', 0o600);
    this.#bytes = fstatSync(this.#file).size;
  }

  /** Never throws: a full disk must not end the daemon. */
  write(line: string): void {
    if (this.#file === undefined) return;
    const text = `${line}\n`;
    try {
      if (this.#bytes + text.length > this.#bytesMax) this.#turnOver();
      this.#bytes += writeSync(this.#file, text);
    } catch {
      // Nowhere to tell it.
    }
  }

  #turnOver(): void {
    writeFileSync(`${this.#path}.1`, readFileSync(this.#path), { mode: 0o600 });
    ftruncateSync(this.#file as number);
    this.#bytes = 0;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
