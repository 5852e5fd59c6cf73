// The only way by which a string from elsewhere reaches a terminal, a pipe or the log (research/security.md E5).
// What moves the cursor, hides, reverses or breaks lines is shown as an escape; everything else stays as it is.
import { shownCharsMax } from './defaults.js';

/**
 * C0 (with newline and tab), DEL, C1; soft hyphen's kin that reorder text (ALM, LRM, RLM, embeddings, overrides,
 * isolates); line and paragraph separators; byte order mark; halves of surrogate pairs.
 */
const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** What JSON.stringify leaves as it is, though terminals act on it. */
const unsafeInJson = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function escaped(char: string): string {
  const code = char.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

function escapedInJson(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** `text` on one line without effects, at most `chars` characters (of the original) long; a cut is marked by `…`. */
export function safe(text: string, chars = shownCharsMax): string {
  if (text.length <= chars) return text.replace(unsafe, escaped);
  return `${text.slice(0, chars).replace(unsafe, escaped)}…`;
}

/** `value` as JSON on one line that is pure text for a terminal, too. Parsing gives back the very same strings. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(unsafeInJson, escapedInJson);
}
