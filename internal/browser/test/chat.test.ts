// The chat that people copy (examples/chat-browser), as they would try it: some tabs, a terminal's room, the server that
// gave them the page is stopped, and they go on. Needs the built packages, since the example does.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from '@peernet/testkit';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { executablePath, launch } from '../src/index.js';

const folder = fileURLToPath(new URL('../../../examples/chat-browser', import.meta.url));
const here = executablePath !== undefined && process.env.PEERNET_OWN_NETWORK === '1';

describe.skipIf(!here)('the chat example', () => {
  let browser: Browser;
  let server: ChildProcess;
  let origin = '';
  beforeAll(async () => {
    server = spawn(process.execPath, ['serve.js'], {
      cwd: folder,
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    server.stdout?.on('data', (text) => {
      output += text;
    });
    browser = await launch();
    origin = await until('its address', () => /http:\/\/localhost:\d+/.exec(output)?.[0], 30_000);
  });
  afterAll(async () => {
    server.kill('SIGKILL');
    await browser?.close();
  });

  async function enter(name: string): Promise<Page> {
    const page = await (await browser.newContext()).newPage();
    page.on('pageerror', (error) => {
      throw error;
    });
    await page.goto(`${origin}/?name=${name}`);
    return page;
  }

  async function say(page: Page, text: string): Promise<void> {
    await page.fill('#text', text);
    await page.press('#text', 'Enter');
  }

  const hears = (page: Page, text: string) => page.getByText(text).waitFor({ timeout: 30_000 });
  const linked = (page: Page, by: string, count: number) =>
    page.waitForFunction(
      ([what, least]) =>
        [...document.querySelectorAll('#people small')].filter((label) => label.textContent === what)
          .length >= Number(least),
      [by, count] as const,
      { timeout: 30_000 },
    );

  test('tabs are linked by WebRTC, and talk on without the server', { timeout: 120_000 }, async () => {
    const [ada, bert, chris] = await Promise.all([enter('Ada'), enter('Bert'), enter('Chris')]);
    await Promise.all([ada, bert, chris].map((page) => linked(page, 'WebRTC', 2)));
    await say(ada, 'Good morning');
    await Promise.all([bert, chris].map((page) => hears(page, 'Good morning')));

    const gone = new Promise((resolve) => server.on('close', resolve));
    server.kill('SIGINT');
    expect(await gone).toBe(0); // and it ends by itself
    await say(bert, 'Nobody serves us');
    await Promise.all([ada, chris].map((page) => hears(page, 'Nobody serves us')));
    await linked(chris, 'WebRTC', 2);
    expect(await ada.locator('#messages li').allTextContents()).toEqual([
      'Ada Good morning',
      'Bert Nobody serves us',
    ]);
  });
});
