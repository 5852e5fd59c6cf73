// What a command is: a row of the table in index.ts.
import { limitMax, timeoutMsMax } from '../defaults.js';
import { usage } from '../exit.js';
import type { Io } from '../io.js';
import type { Paths } from '../paths.js';
import type { Printer } from '../render.js';
import type { Client } from '../rpc/client.js';

/** What commands run with. */
export interface Context {
  readonly io: Io;
  readonly paths: Paths;
  readonly print: Printer;
  readonly version: string;
  /** The daemon; started, if there is none. */
  daemon(): Promise<Client>;
  /** The daemon, if one runs: for commands that start none. Of any version. */
  running(): Promise<Client | undefined>;
}

export type OptionValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export interface Option {
  readonly flags: string;
  readonly about: string;
  /** May be given several times. */
  readonly many?: boolean;
}

export interface Command {
  readonly name: string;
  /** As commander writes them: `<ADDR>`, `[PROTOCOL]`, `<SUBNET...>`. */
  readonly args?: string;
  /** One sentence. */
  readonly about: string;
  readonly options?: readonly Option[];
  readonly examples?: readonly string[];
  /** What scripts need to know: output in a pipe, exit codes. */
  readonly notes?: string;
  readonly hidden?: boolean;
  /** Returns the exit code. */
  run(context: Context, args: readonly string[], options: OptionValues): Promise<number>;
}

// ---- values of options ----

export function portOption(options: OptionValues): number | undefined {
  const { port } = options;
  if (port === undefined) return undefined;
  if (typeof port === 'string' && /^[0-9]{1,5}$/.test(port) && Number(port) <= 65_535) return Number(port);
  throw usage(`a port is a number 0 … 65535, not ${String(port)}`);
}

/** `5`, `2.5s`, `300ms`, `2m` → ms. A bare number means seconds. */
export function timeoutOption(options: OptionValues): number | undefined {
  const { timeout } = options;
  if (timeout === undefined) return undefined;
  const [, count, unit] = /^([0-9]{1,8}(?:\.[0-9]{1,3})?)(ms|s|m)?$/.exec(String(timeout)) ?? [];
  const ms = Math.round(Number(count) * (unit === 'ms' ? 1 : unit === 'm' ? 60_000 : 1000));
  if (ms >= 1 && ms <= timeoutMsMax) return ms;
  throw usage(`a timeout is a number of seconds like 5, or like 300ms or 2m, not ${String(timeout)}`);
}

export function countOption(options: OptionValues, name: 'limit' | 'lines'): number | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  const least = name === 'limit' ? 1 : 0;
  const count = /^[0-9]{1,6}$/.test(String(value)) ? Number(value) : -1;
  if (count >= least && count <= limitMax) return count;
  throw usage(`--${name} is a number ${least} … ${limitMax}, not ${String(value)}`);
}
