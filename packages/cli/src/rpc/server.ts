// The daemon's end of the control socket: JSON-RPC 2.0 in LSP frames, rows as `$/progress`, `$/cancelRequest`. Frames,
// clients, requests and unsent answers are bounded, so that no command can make the daemon grow or wait
// (research/security.md E4). Why no library: vscode-jsonrpc, which fits otherwise, has none of these limits
// (research/stack.md §6) and would need its reader and its writer replaced; tests talk to us through it.
import { chmodSync, lstatSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { clientsMax, frameBytesMax, hangUpMs, idleClientMs, requestsPerClientMax } from '../defaults.js';
import { denied, exit, exitOf, Failure } from '../exit.js';
import { encodeFrame, FrameDecoder } from './frames.js';
import type { ErrorData, Hello } from './protocol.js';

/** What runs for one request. */
export interface Request {
  /** Aborted when the command gives up or is gone. */
  readonly signal: AbortSignal;
  /** Sends rows; resolves when the command can take more. */
  send(rows: readonly unknown[]): Promise<void>;
}

export type Params = Readonly<Record<string, unknown>>;
export type Handler = (params: Params, request: Request) => Promise<unknown>;

export interface ServerOptions {
  readonly hello: () => Hello;
  readonly methods: ReadonlyMap<string, Handler>;
  /** A method failed with something that is no Failure: for the log. */
  readonly onBug: (method: string, error: unknown) => void;
}

// Codes of JSON-RPC 2.0; what went wrong is told by `data.code`.
const invalidRequest = -32_600;
const methodNotFound = -32_601;
const applicationError = -32_000;

export class ControlServer {
  readonly #options: ServerOptions;
  readonly #clients = new Set<ControlClient>();
  readonly #server: Server;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Listens at a path, for the owner only. */
  async listen(path: string): Promise<void> {
    const listening = new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      if (process.platform === 'win32') return void this.#server.listen(path, resolve);
      // The socket is bound before `listen` returns, so nothing else is made under this mask.
      const mask = process.umask(0o177);
      this.#server.listen(path, resolve);
      process.umask(mask);
    });
    await listening;
    if (process.platform === 'win32') return;
    chmodSync(path, 0o600);
    if ((lstatSync(path).mode & 0o777) !== 0o600) throw denied(`${path} cannot be made private`);
  }

  /** Stops listening, ends what runs, and hangs up once the answers are sent. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await Promise.all([...this.#clients].map((client) => client.close()));
    await closed;
  }

  #accept(socket: Socket): void {
    socket.on('error', () => {}); // `close` follows
    if (this.#clients.size >= clientsMax) {
      socket.end(encodeFrame({ jsonrpc: '2.0', method: 'busy' }), () => socket.destroy());
      return;
    }
    const client = new ControlClient(socket, this.#options);
    this.#clients.add(client);
    socket.on('close', () => this.#clients.delete(client));
  }
}

interface Incoming {
  id?: unknown;
  method?: unknown;
  params?: unknown;
}

/** One command that is connected. */
class ControlClient {
  readonly #socket: Socket;
  readonly #options: ServerOptions;
  readonly #running = new Map<unknown, { abort: AbortController; done: Promise<void> }>();
  /** Why no more rows are awaited, if so. */
  readonly #gone: Promise<void>;

  constructor(socket: Socket, options: ServerOptions) {
    this.#socket = socket;
    this.#options = options;
    const decoder = new FrameDecoder();
    this.#gone = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of decoder.push(chunk)) this.#receive(message);
      } catch {
        socket.destroy(); // no frame, or too long a one
      }
    });
    socket.on('close', () => this.#abortAll());
    // Not as its callback: that would be called once, and a request may outlast it.
    socket.setTimeout(idleClientMs).on('timeout', () => {
      if (this.#running.size === 0) socket.destroy();
    });
    void this.#write({ jsonrpc: '2.0', method: 'hello', params: options.hello() });
  }

  async close(): Promise<void> {
    this.#abortAll();
    const cut = setTimeout(() => this.#socket.destroy(), hangUpMs); // who does not read holds nobody up
    await Promise.race([Promise.all([...this.#running.values()].map(({ done }) => done)), this.#gone]);
    this.#socket.end(() => this.#socket.destroy());
    await this.#gone;
    clearTimeout(cut);
  }

  #abortAll(): void {
    for (const { abort } of this.#running.values()) abort.abort();
  }

  #receive(message: unknown): void {
    const { id, method, params } = (message ?? {}) as Incoming;
    if (method === '$/cancelRequest') {
      this.#running.get((params as { id?: unknown } | null | undefined)?.id)?.abort.abort();
      return;
    }
    if (id === undefined) return; // a notification that we do not know
    if (!isId(id) || typeof method !== 'string' || this.#running.has(id)) {
      void this.#fail(null, invalidRequest, new Failure('not a request', { code: 'USAGE' }));
      return;
    }
    if (this.#running.size >= requestsPerClientMax) {
      void this.#fail(id, applicationError, new Failure('too many requests at once', { code: 'LIMIT' }));
      return;
    }
    const abort = new AbortController();
    const done = this.#answer(id, method, params, abort.signal).finally(() => this.#running.delete(id));
    this.#running.set(id, { abort, done });
  }

  async #answer(id: unknown, method: string, params: unknown, signal: AbortSignal): Promise<void> {
    const handler = this.#options.methods.get(method);
    if (handler === undefined) {
      const failure = new Failure(`this daemon has no method ${method}`, {
        code: 'VERSION',
        exit: exit.version,
      });
      return this.#fail(id, methodNotFound, failure);
    }
    const send = (rows: readonly unknown[]): Promise<void> =>
      this.#write({ jsonrpc: '2.0', method: '$/progress', params: { token: id, value: rows } });
    try {
      if (typeof params !== 'object' || params === null || Array.isArray(params))
        throw new Failure('parameters are an object', { code: 'USAGE', exit: exit.usage });
      const result = await handler(params as Params, { signal, send });
      await this.#write({ jsonrpc: '2.0', id, result: result ?? {} });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.exit === exit.bug) this.#options.onBug(method, error);
      await this.#fail(id, applicationError, failure);
    }
  }

  #fail(id: unknown, code: number, failure: Failure): Promise<void> {
    const { message, hint } = failure;
    const data: ErrorData = {
      code: failure.code,
      exit: failure.exit,
      ...(hint === undefined ? {} : { hint }),
    };
    return this.#write({ jsonrpc: '2.0', id, error: { code, message: message.slice(0, 4096), data } });
  }

  /** Resolves when the kernel has it, or when nobody is there to read it any more. */
  #write(message: unknown): Promise<void> {
    const sent = new Promise<void>((resolve) => {
      this.#socket.write(encodeFrame(message), () => resolve());
    });
    // Rows wait for each other; only somebody who asks and asks without reading gets here.
    if (this.#socket.writableLength > 2 * frameBytesMax) this.#socket.destroy();
    return Promise.race([sent, this.#gone]);
  }
}

function isId(id: unknown): id is number | string {
  return typeof id === 'number' || (typeof id === 'string' && id.length <= 64);
}

/** What anything that was thrown means for the command. */
function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { name, code, message, syscall } = error as Record<string, unknown>;
  if (name === 'PeernetError' && typeof code === 'string')
    return new Failure(String(message), { code, exit: exitOf(code), cause: error });
  // What the system refused: a full disk, a limit.
  if (typeof syscall === 'string') return new Failure(String(message), { cause: error });
  return new Failure(`a bug in the daemon: ${String(message ?? error)}`, {
    code: 'INTERNAL',
    exit: exit.bug,
    hint: 'its log has the details',
  });
}
