import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import * as connection from '../src/index.js';
import { until } from './shells.js';

test('the example of the README does what it says', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```js\n([\s\S]*?)```/.exec(readme)?.[1] as string;
  const names = /^import \{ (.*) \} from '@peernet\/connection';$/m.exec(code)?.[1] as string;
  const body = code.replace(/^import .*$/m, `const { ${names} } = lib;`);
  const said = vi.spyOn(console, 'log').mockImplementation(() => {});
  const run = new Function('lib', `return (async () => {${body}})();`) as (lib: unknown) => Promise<void>;
  await run(connection);
  await until(() => said.mock.calls.length === 2);
  const lines = said.mock.calls.map((call) => call.join(' ')).sort();
  said.mockRestore();
  expect(lines).toEqual(['connected to bob', 'hello from alice']);
});
