// The command's end of the control socket: JSON-RPC in sixty lines, because a library for it costs as much start-up
// time as the whole rest of a command (35 of 62 ms, measured; the budget is in design: `node -e 0` × 1.5 + 60 ms).
import { connect as dial, type Socket } from 'node:net';
import { controlProtocol, greetingTimeoutMs } from '../defaults.js';
import { denied, type Exit, exit, Failure, systemCode, usage } from '../exit.js';
import { encodeFrame, FrameDecoder } from './frames.js';
import type { ErrorData, Hello, Method, Methods } from './protocol.js';

interface Pending {
  onRow: ((row: never) => void) | undefined;
  resolve(result: never): void;
  reject(error: Error): void;
}

interface Incoming {
  id?: number;
  method?: string;
  params?: { token?: number; value?: unknown[] } & Partial<Hello>;
  result?: unknown;
  error?: { message: string; data?: ErrorData };
}

export interface CallOptions<Row> {
  signal?: AbortSignal;
  onRow?: (row: Row) => void;
}

export class Client {
  readonly hello: Hello;
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #ended: Failure | undefined;

  /** The daemon at `path`, or undefined if none answers there (nothing, or a stale socket). */
  static async connect(path: string, timeoutMs = greetingTimeoutMs): Promise<Client | undefined> {
    const socket = await open(path);
    if (socket === undefined) return undefined;
    try {
      const { hello, decoder, rest } = await greeting(socket, timeoutMs);
      return new Client(socket, hello, decoder, rest);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  private constructor(socket: Socket, hello: Hello, decoder: FrameDecoder, rest: unknown[]) {
    this.#socket = socket;
    this.hello = hello;
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of decoder.push(chunk)) this.#receive(message as Incoming);
      } catch {
        this.#end(new Failure('the daemon sent garbage', { code: 'PROTOCOL' }));
      }
    });
    socket.on('error', () => {}); // `close` follows
    socket.on('close', () => this.#end(new Failure('the daemon is gone', { code: 'LOST' })));
    for (const message of rest) this.#receive(message as Incoming);
  }

  /** A Failure (exit 7) unless the daemon speaks our protocol. */
  checkVersion(): void {
    const { protocol, version, pid } = this.hello;
    if (protocol === controlProtocol) return;
    throw new Failure(`the running daemon is of another version (${version}, pid ${pid})`, {
      exit: exit.version,
      code: 'VERSION',
      hint: 'type: peernet close    (the next command starts a new one)',
    });
  }

  /** Calls a method of the daemon. Aborting ends it there, too, and rejects with code ABORTED. */
  call<M extends Method>(
    method: M,
    params: Methods[M]['params'],
    { signal, onRow }: CallOptions<Methods[M]['row']> = {},
  ): Promise<Methods[M]['result']> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    const request = requestFrame({ jsonrpc: '2.0', id, method, params });
    const cancel = (): void => {
      this.#socket.write(encodeFrame({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id } }));
      this.#pending.get(id)?.reject(new Failure('given up', { code: 'ABORTED', exit: exit.interrupted }));
      this.#pending.delete(id);
    };
    const done = new Promise<Methods[M]['result']>((resolve, reject) => {
      this.#pending.set(id, { onRow, resolve, reject });
    });
    this.#socket.write(request);
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    return done.finally(() => signal?.removeEventListener('abort', cancel));
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(message: Incoming): void {
    if (message.method === '$/progress') {
      const { token = 0, value = [] } = message.params ?? {};
      const onRow = this.#pending.get(token)?.onRow;
      for (const row of value) onRow?.(row as never);
      return;
    }
    const pending = message.id === undefined ? undefined : this.#pending.get(message.id);
    if (pending === undefined) return;
    this.#pending.delete(message.id as number);
    if (message.error === undefined) pending.resolve(message.result as never);
    else pending.reject(failureOf(message.error));
  }

  #end(failure: Failure): void {
    if (this.#ended !== undefined) return;
    this.#ended = failure;
    this.#socket.destroy();
    for (const pending of this.#pending.values()) pending.reject(failure);
    this.#pending.clear();
  }
}

/** What people say may be too long: that is no bug, and nothing waits for an answer yet. */
function requestFrame(request: object): Buffer {
  try {
    return encodeFrame(request);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw usage('that is too much for one command', 'say it in several, by xargs for example');
  }
}

function failureOf({ message, data }: { message: string; data?: ErrorData }): Failure {
  if (data === undefined) return new Failure(message, { code: 'INTERNAL', exit: exit.bug });
  return new Failure(message, { code: data.code, exit: data.exit as Exit, hint: data.hint });
}

function open(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = dial(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error) => {
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ECONNRESET') resolve(undefined);
      else if (code === 'EACCES' || code === 'EPERM')
        reject(denied(`not allowed to talk to the daemon at ${path}`, undefined, error));
      else reject(new Failure(`cannot talk to the daemon at ${path} (${code})`, { cause: error }));
    });
  });
}

/** Waits for the daemon's first words. */
function greeting(
  socket: Socket,
  timeoutMs: number,
): Promise<{ hello: Hello; decoder: FrameDecoder; rest: unknown[] }> {
  const decoder = new FrameDecoder();
  return new Promise((resolve, reject) => {
    const fail = (message: string, code: string): void => {
      done();
      reject(
        new Failure(message, {
          code,
          hint: code === 'TIMEOUT' ? 'look at it; or end it by its pid' : undefined,
        }),
      );
    };
    const onData = (chunk: Buffer): void => {
      try {
        const [first, ...rest] = decoder.push(chunk) as Incoming[];
        if (first === undefined) return;
        if (first.method === 'busy') fail('the daemon is busy with other commands', 'LIMIT');
        else if (first.method !== 'hello')
          fail('what answers on the control socket is no peernet daemon', 'PROTOCOL');
        else {
          done();
          resolve({ hello: first.params as Hello, decoder, rest });
        }
      } catch {
        fail('what answers on the control socket is no peernet daemon', 'PROTOCOL');
      }
    };
    const onClose = (): void => fail('the daemon hung up', 'LOST');
    const timer = setTimeout(() => fail('the daemon does not answer', 'TIMEOUT'), timeoutMs);
    const done = (): void => {
      clearTimeout(timer);
      socket.off('data', onData);
      socket.off('close', onClose);
    };
    socket.on('error', () => {});
    socket.on('data', onData);
    socket.on('close', onClose);
  });
}
