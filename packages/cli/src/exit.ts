// Exit codes and the one kind of failure that commands end with. Codes are part of the interface: docs/cli.md.

export const exit = {
  ok: 0,
  failed: 1,
  usage: 2,
  noDaemon: 3,
  notFound: 4,
  timeout: 5,
  permission: 6,
  version: 7,
  bug: 70,
  /** Ctrl-C before a result was complete: 128 + SIGINT, as shells have it. */
  interrupted: 130,
} as const;

export type Exit = (typeof exit)[keyof typeof exit];

/** What the codes of PeernetError mean for the exit code; all others are 1. */
const exitByCode: Readonly<Record<string, Exit>> = {
  ADDRESS_INVALID: exit.usage,
  SCHEME_UNKNOWN: exit.usage,
  NOT_FOUND: exit.notFound,
  DIAL_TIMEOUT: exit.timeout,
  HANDSHAKE_TIMEOUT: exit.timeout,
  TIMEOUT: exit.timeout,
  IDENTITY_INVALID: exit.permission,
  INTERNAL: exit.bug,
};

export function exitOf(code: string): Exit {
  return exitByCode[code] ?? exit.failed;
}

export interface FailureOptions {
  exit?: Exit;
  /** For programs: a code of PeernetError, or one of the command line's own (USAGE, NO_DAEMON, …). */
  code?: string;
  /** What to do, or what to type. */
  hint?: string | undefined;
  cause?: unknown;
}

/** A sentence for the user, with the exit code. Anything else that is thrown is a bug (exit 70). */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exit: Exit;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code ?? 'FAILED';
    this.exit = options.exit ?? exitOf(this.code);
    this.hint = options.hint;
  }
}

export function usage(message: string, hint?: string): Failure {
  return new Failure(message, { exit: exit.usage, code: 'USAGE', hint });
}

export function denied(message: string, hint?: string, cause?: unknown): Failure {
  return new Failure(message, { exit: exit.permission, code: 'PERMISSION', hint, cause });
}

/** The code of a system error (`ENOENT`), or ''. */
export function systemCode(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}
