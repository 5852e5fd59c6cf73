// How results look. Data goes to standard output: a table on a terminal, plain lines in a pipe, one JSON object per
// line with `--json`. Everything that came from somewhere passes `safe`.
import { jsonVersion, messageCharsMax } from './defaults.js';
import type { Failure } from './exit.js';
import type { Io } from './io.js';
import { safe, safeJson } from './safe.js';

export interface Column<Row> {
  readonly title: string;
  /** What a terminal shows. */
  readonly cell: (row: Row) => string;
  /** What a pipe gets, where that differs: whole, exact values. */
  readonly plain?: (row: Row) => string;
  /** Numbers go to the right. */
  readonly right?: boolean;
}

/** One printer per command. */
export class Printer {
  readonly #io: Io;
  readonly json: boolean;

  constructor(io: Io, json: boolean) {
    this.#io = io;
    this.json = json;
  }

  /** A line of data: strings side by side, or with `--json` the object. */
  line(cells: string | readonly string[], object: object): void {
    const text = [cells].flat().map((cell) => safe(cell));
    this.#io.out(this.json ? `${safeJson({ v: jsonVersion, ...object })}\n` : `${text.join('\t')}\n`);
  }

  /** Rows: a table on a terminal, tab-separated values in a pipe. */
  table<Row extends object>(rows: readonly Row[], columns: readonly Column<Row>[]): void {
    if (this.json || !this.#io.outIsTerminal) {
      for (const row of rows)
        this.line(
          columns.map((column) => (column.plain ?? column.cell)(row)),
          row,
        );
      return;
    }
    if (rows.length === 0) return;
    const cells = rows.map((row) => columns.map((column) => safe(column.cell(row))));
    const widths = columns.map((column, i) =>
      Math.max(column.title.length, ...cells.map((row) => row[i]?.length ?? 0)),
    );
    const format = (texts: readonly string[]): string =>
      texts
        .map((text, i) => (columns[i]?.right ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)))
        .join('  ')
        .trimEnd();
    this.#io.out(`${this.#paint(format(columns.map((column) => column.title)), 1)}\n`);
    for (const row of cells) this.#io.out(`${format(row)}\n`);
  }

  /** A sentence for the person: never data, and silent with `--json`. */
  say(text: string): void {
    if (!this.json) this.#io.err(`${safe(text, messageCharsMax)}\n`);
  }

  failure(failure: Failure): void {
    const { message, code, exit, hint } = failure;
    if (this.json) {
      const error = { code, message, exit, ...(hint === undefined ? {} : { hint }) };
      this.#io.err(`${safeJson({ v: jsonVersion, error })}\n`);
      return;
    }
    this.#io.err(`peernet: ${safe(message, messageCharsMax)}\n`);
    if (hint !== undefined) this.#io.err(`  ${safe(hint, messageCharsMax)}\n`);
  }

  /** ok, info, warn or error, coloured where that is wanted. */
  level(level: string): string {
    return this.#paint(level.padEnd(5), { ok: 32, warn: 33, error: 31 }[level] ?? 0);
  }

  #paint(text: string, code: number): string {
    const { env } = this.#io;
    if (this.json || !this.#io.outIsTerminal || env.NO_COLOR || env.TERM === 'dumb' || code === 0)
      return text;
    return `\x1b[${code}m${text}\x1b[0m`;
  }

  /** A line that is safe already and may hold colours. */
  raw(text: string): void {
    this.#io.out(`${text}\n`);
  }
}

/** `1.2 MB` */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `3 s`, `12 min`, `5 h`, `8 d` */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
