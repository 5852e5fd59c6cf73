// Commands about the daemon itself: server, daemon, close, log.
import { readFileSync } from 'node:fs';
import { closePollMs, closeTimeoutMs, logRecentMax } from '../defaults.js';
import { exit, Failure, systemCode } from '../exit.js';
import { type Command, countOption } from './command.js';

export const server: Command = {
  name: 'server',
  about: 'Start the server in the foreground.',
  notes: 'Prints its log on standard error. Ctrl-C ends it, with exit code 0.',
  async run({ io, paths, print, version, running }) {
    const other = await running();
    if (other !== undefined) {
      const { pid } = other.hello;
      throw new Failure(`a daemon is running already (pid ${pid})`, {
        code: 'ALREADY',
        hint: 'type: peernet close',
      });
    }
    const { runDaemon } = await import('../daemon-process.js');
    const echo = (line: string): void => {
      if (!print.json) io.err(`${line}\n`);
    };
    return runDaemon({ paths, env: io.env, version, echo });
  },
};

export const daemon: Command = {
  name: 'daemon',
  about: 'Start the server in the background.',
  notes: 'Returns when the daemon answers. Other commands start it by themselves, too.',
  async run(context) {
    const there = await context.running();
    const { hello } = await context.daemon();
    if (there === undefined) context.print.say(`the daemon runs (pid ${hello.pid})`);
    else context.print.say(`the daemon was running already (pid ${hello.pid})`);
    if (context.print.json)
      context.print.line('', {
        pid: hello.pid,
        id: hello.id,
        version: hello.version,
        started: there === undefined,
      });
    return exit.ok;
  },
};

/** `server` and `daemon` lead here: the process in the background. */
export const background: Command = {
  name: '__daemon',
  about: 'Be the daemon.',
  hidden: true,
  async run({ io, paths, version }) {
    const { runBackground } = await import('../daemon-process.js');
    return runBackground({ paths, env: io.env, version });
  },
};

export const close: Command = {
  name: 'close',
  about: 'Stop the daemon, and wait until it is gone.',
  notes: 'Exit code 0 also if there was none.',
  async run(context) {
    const client = await context.running();
    if (client === undefined) {
      context.print.say('no daemon is running');
      return exit.ok;
    }
    const { pid } = client.hello;
    // It may hang up instead of answering if somebody else has told it, too: gone is what was wanted.
    await client.call('close', {}).catch((error: Failure) => {
      if (error.code !== 'LOST') throw error;
    });
    await gone(pid);
    context.print.say(`the daemon has ended (pid ${pid})`);
    return exit.ok;
  },
};

/** The socket goes first, ports and process end together. */
async function gone(pid: number): Promise<void> {
  const untilMs = Date.now() + closeTimeoutMs;
  while (isAlive(pid)) {
    if (Date.now() > untilMs)
      throw new Failure(`the daemon (pid ${pid}) does not end`, {
        code: 'TIMEOUT',
        hint: `type: kill -9 ${pid}`,
      });
    await new Promise((resolve) => setTimeout(resolve, closePollMs));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
  try {
    // A zombie that nobody reaps (a container without init) has given everything back.
    return !/^[0-9]+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}

export const log: Command = {
  name: 'log',
  about: 'Print detailed lifecycle events as they arrive.',
  options: [
    {
      flags: '-n, --lines <COUNT>',
      about: `Begin with that many events of the past, at most ${logRecentMax}.`,
    },
  ],
  examples: ['peernet log', 'peernet log --lines 100', 'peernet log --json | jq .event'],
  notes: 'Ends with Ctrl-C or with the daemon, exit code 0.',
  async run({ io, print, daemon }, _, options) {
    const recent = Math.min(countOption(options, 'lines') ?? 0, logRecentMax);
    const client = await daemon();
    const { logLine } = await import('../event-log.js');
    const abort = new AbortController();
    const stop = io.onInterrupt(() => abort.abort());
    if (io.errIsTerminal) print.say('events of the daemon; Ctrl-C ends this');
    try {
      await client.call(
        'log',
        { recent },
        {
          signal: abort.signal,
          onRow: (event) => {
            if (print.json) print.line('', { ...event, time: new Date(event.time).toISOString() });
            else print.raw(logLine(event));
          },
        },
      );
      print.say('the daemon has ended');
    } catch (error) {
      if ((error as Failure).code !== 'ABORTED') throw error;
    } finally {
      stop();
    }
    return exit.ok;
  },
};
