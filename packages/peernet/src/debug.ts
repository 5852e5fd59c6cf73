// One line per event, for `opts.debug` and the daemon's log. Strings in events may come from strangers, so nothing
// that a terminal would obey gets through.

import { toHex } from '@peernet/core';

/** C0, DEL, C1, line and paragraph separators, bidi controls. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/g;
/** Longest value that is printed, characters. */
const valueMax = 256;

/** `peernet: event key=value …` */
export function debugLine(event: string, fields: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${printable(value)}`);
  return ['peernet:', printable(event), ...shown].join(' ');
}

/** What the application's own `log` throws is its uncaught exception, and disturbs nothing of ours. */
export function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function printable(value: unknown): string {
  const text = typeof value === 'string' ? value : textOf(value);
  const escaped = text.replace(unsafe, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return escaped.length > valueMax ? `${escaped.slice(0, valueMax)}…` : escaped;
}

function textOf(value: unknown): string {
  if (value instanceof Error) return String(value);
  if (value instanceof Uint8Array) return toHex(value.subarray(0, valueMax));
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value); // a circle, or a bigint
  }
}
