// The first example of the README does what its comments say.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as core from '../src/index.js';

test('the example of the README', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, names = '', code = ''] =
    /```js\nimport (\{.*\}) from '@peernet\/core';\n([\s\S]*?)```/.exec(readme) ?? [];
  const run = new Function('core', `const ${names} = core; ${code}; return [kind, text];`) as (
    c: unknown,
  ) => unknown;
  expect(run(core)).toEqual([1, 'hello']);
  const claims = [
    ...code.matchAll(
      /^(.*\.(?:text|scope|take\(1, 0\))|parseAddress\('ws:\/\/127.*\)); +\/\/ ('[^']*'|undefined|true)/gm,
    ),
  ];
  expect(claims.length).toBe(4);
  for (const [, expression, value] of claims) {
    const actual = new Function('core', `const ${names} = core; return ${expression}`)(core) as unknown;
    expect(JSON.stringify(actual), expression).toBe(
      value === 'undefined' ? undefined : value?.replaceAll("'", '"'),
    );
  }
});
