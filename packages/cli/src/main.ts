// The command line: words in, exit code out. Everything that it touches comes in by `io`.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command as Commander, CommanderError } from 'commander';
import type { Command, Context, OptionValues } from './commands/command.js';
import { exit, Failure, usage } from './exit.js';
import type { Io } from './io.js';
import { pathsOf } from './paths.js';
import { createProgram } from './program.js';
import { Printer } from './render.js';
import type { Client } from './rpc/client.js';
import { running, started } from './start.js';

/** Runs one command line (without `node` and the script). Never rejects. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  // Known before the words are understood: it decides how a misunderstanding is told.
  const json = argv.includes('--json');
  const clients: Client[] = [];
  let code: number = exit.ok;
  const program = createProgram(io, version, async (command, args, options) => {
    code = await runCommand(command, args, options, io, clients);
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    const failure = failureOf(error, program, argv);
    if (failure === undefined) return exit.ok;
    if (failure.message !== '') new Printer(io, json).failure(failure);
    return failure.exit;
  } finally {
    for (const client of clients) client.close();
  }
}

async function runCommand(
  command: Command,
  args: readonly string[],
  options: OptionValues,
  io: Io,
  clients: Client[],
): Promise<number> {
  const { datadir, json, port } = options as { datadir?: string; json?: boolean; port?: string };
  if (datadir === '') throw usage('--datadir needs the path of a folder');
  if (port !== undefined && !command.options?.some(({ flags }) => flags.includes('--port')))
    throw usage(`${command.name} takes no --port`);
  const paths = pathsOf(io.env, io.cwd, datadir);
  const print = new Printer(io, json === true);
  const context: Context = {
    io,
    paths,
    print,
    version,
    async running() {
      const client = await running(io, paths);
      if (client !== undefined) clients.push(client);
      return client;
    },
    async daemon() {
      const { client, fresh } = await started(io, paths, () =>
        print.say(`starting a daemon in ${paths.base}`),
      );
      clients.push(client);
      if (!fresh) client.checkVersion();
      return client;
    },
  };
  return command.run(context, args, options);
}

/** Undefined: all is well (help, version). An empty message: it is told already. */
function failureOf(error: unknown, program: Commander, argv: readonly string[]): Failure | undefined {
  if (error instanceof Failure) return error;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return undefined;
    if (error.code === 'commander.help') return usage('');
    const name = program.commands.find((command) => argv.includes(command.name()))?.name();
    const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    return usage(message, `type: peernet ${name === undefined ? '' : `${name} `}--help`);
  }
  const { message, stack } = error as Error;
  return new Failure(`a bug: ${message}`, {
    code: 'INTERNAL',
    exit: exit.bug,
    hint: stack?.split('\n').at(1)?.trim(),
  });
}

/** Of this package. */
const version: string = JSON.parse(
  readFileSync(join(dirname(fileURLToPath(import.meta.url)), '..', 'package.json'), 'utf8'),
).version;
