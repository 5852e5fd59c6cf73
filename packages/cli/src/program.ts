// The table of commands as commander wants it, and help in our own layout: usage in the words of the specification.
import { Command as Commander, Option as CommanderOption } from 'commander';
import type { Command, Option, OptionValues } from './commands/command.js';
import { commands } from './commands/index.js';
import { usage } from './exit.js';
import type { Io } from './io.js';

type Run = (command: Command, args: readonly string[], options: OptionValues) => Promise<void>;

/** What every command takes. */
const everywhere: readonly Option[] = [
  {
    flags: '-d, --datadir <FOLDER>',
    about: 'Where the daemon keeps its things; else $PEERNET_PATH, else ~/.config/peernet.',
  },
  { flags: '--json', about: 'Print one JSON object per line.' },
];

export function createProgram(io: Io, version: string, run: Run): Commander {
  const program = new Commander('peernet');
  program
    .version(version, '--version', 'Print the version.')
    .helpOption('-h, --help', 'Show help.')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.err(text),
      outputError: () => {},
    })
    .configureHelp({
      formatHelp: (command) => (command === program ? generalHelp() : commandHelp(command.name())),
    });
  // Before or after the command, as in the original: `peernet --port 4000 listen ws`.
  for (const option of [...everywhere, { flags: '-p, --port <PORT>', about: '' }]) addOption(program, option);
  for (const command of commands) addCommand(program, command, run);
  const help = program.command('help').argument('[COMMAND]');
  for (const option of everywhere) addOption(help, option);
  help.action((name?: string) => {
    if (name !== undefined && name !== 'help' && !commands.some((command) => command.name === name))
      throw usage(`unknown command '${name}'`, 'type: peernet help');
    io.out(name === undefined || name === 'help' ? generalHelp() : commandHelp(name));
  });
  return program;
}

function addCommand(program: Commander, command: Command, run: Run): void {
  const sub = program.command(command.name, { hidden: command.hidden === true });
  if (command.args !== undefined) sub.argument(command.args);
  for (const option of [...(command.options ?? []), ...everywhere]) addOption(sub, option);
  sub.action((...words: unknown[]) => {
    // commander adds the options and the command itself.
    const args = words
      .slice(0, -2)
      .flat()
      .filter((word) => word !== undefined) as string[];
    return run(command, args, sub.optsWithGlobals());
  });
}

function addOption(to: Commander, { flags, about, many }: Option): void {
  const option = new CommanderOption(flags, about);
  if (many) option.argParser<string[]>((value, before = []) => [...before, value]);
  to.addOption(option);
}

// ---- help ----

function generalHelp(): string {
  const shown = commands.filter(({ hidden }) => !hidden);
  const lines = shown.map((command) => `  ${synopsis(command).padEnd(26)}${command.about}`);
  return [
    'peernet COMMAND [ARGUMENTS] [OPTIONS]',
    '',
    ...lines,
    `  ${'help COMMAND'.padEnd(26)}Show help for COMMAND, with examples.`,
    '',
    'Options of every command:',
    '',
    ...optionLines(everywhere),
    '',
    'The first command starts a daemon, which goes on when the command has ended; `peernet close` stops it.',
    '',
  ].join('\n');
}

function commandHelp(name: string): string {
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) return generalHelp();
  const { about, notes, options = [], examples = [] } = command;
  const block = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : ['', title, '', ...lines];
  return [
    `peernet ${synopsis(command)}`,
    '',
    `  ${about}`,
    ...(notes === undefined ? [] : [`  ${notes}`]),
    ...block('Options:', optionLines([...options, ...everywhere])),
    ...block(
      'Examples:',
      examples.map((line) => `  ${line}`),
    ),
    '',
  ].join('\n');
}

function synopsis({ name, args }: Command): string {
  return args === undefined ? name : `${name} ${args.replace(/[<>]/g, '')}`;
}

function optionLines(options: readonly Option[]): string[] {
  const all = [...options, { flags: '-h, --help', about: 'Show help.' }];
  const flags = all.map((option) => option.flags.replace(/[<>]/g, '').replace(/^--/, '    --'));
  const width = Math.max(...flags.map((text) => text.length)) + 2;
  return all.map((option, i) => `  ${flags[i]?.padEnd(width)}${option.about}`);
}
