// Runs that broke a promise once are kept in seeds.txt, one command a line, and run for ever: all of them by
// `pnpm sim:nightly`, those with few nodes by every `npm test`.
import { type Command, readCommand } from './command.js';

export interface KeptRun {
  /** As it stands in the file. */
  readonly line: string;
  /** What follows `pnpm sim`. */
  readonly args: readonly string[];
  readonly command: Command;
}

const prefix = 'pnpm sim ';

/** The runs in the text of seeds.txt. Throws for a line that is neither a command nor a comment: it would never be run. */
export function keptRuns(text: string): KeptRun[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      if (!line.startsWith(prefix)) throw new TypeError(`seeds.txt: not a run: ${line}`);
      const args = line.slice(prefix.length).split(/\s+/);
      return { line, args, command: readCommand(args) };
    });
}
