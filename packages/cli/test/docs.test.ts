// docs/cli.md is part of the interface: it must name what there is.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { commands } from '../src/commands/index.js';
import { exit } from '../src/exit.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const docs = readFileSync(join(root, 'docs', 'cli.md'), 'utf8');
const readme = readFileSync(join(root, 'packages', 'cli', 'README.md'), 'utf8');
const shown = commands.filter(({ hidden }) => !hidden);

describe('docs/cli.md', () => {
  it.each(shown.map((command) => [command.name, command] as const))(
    'has %s, its words and its options',
    (_, command) => {
      const synopsis =
        `${command.name}${command.args ? ` ${command.args.replace(/[<>]/g, '')}` : ''}`.replaceAll(
          '|',
          '\\|',
        );
      const row = docs.split('\n').find((line) => line.startsWith(`| \`peernet ${synopsis}\` |`));
      expect(row).toBeDefined();
      for (const { flags } of command.options ?? [])
        for (const flag of flags.match(/--?[a-z]+/g) ?? []) expect(row).toContain(flag);
      expect(readme).toContain(`\`${command.name}\``);
    },
  );

  it('has every exit code', () => {
    const codes = [...docs.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(codes).toEqual(Object.values(exit).sort((a, b) => a - b));
  });
});
