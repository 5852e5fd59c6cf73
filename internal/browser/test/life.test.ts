// Pages that sleep, freeze and lose their network: they are back by themselves, soon after there is a reason to be.
import { until } from '@peernet/testkit';
import { type Peernet, peernet } from 'peernet';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  executablePath,
  freezer,
  launch,
  openPage,
  openSite,
  openWire,
  type Site,
  type Wire,
} from '../src/index.js';

/** Back after any interruption, ms. */
const backMs = 10_000;
/** How long a page is frozen, ms: until its peer has given it up (18 s at most); a minute every night. */
const frozenMs = process.env.PEERNET_NIGHTLY ? 60_000 : 0;

describe.skipIf(executablePath === undefined)('the life of a page', () => {
  let browser: Browser;
  let site: Site;
  let context: BrowserContext;
  let node: Peernet;
  let wire: Wire;
  let page: Page;
  beforeAll(async () => {
    [browser, site] = await Promise.all([launch(), openSite()]);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });
  beforeEach(async () => {
    node = peernet();
    const service = await node.listen('ws://127.0.0.1:0');
    wire = await openWire(service.port);
    context = await browser.newContext();
    page = await openPage(context, site.page('esbuild'));
    await page.evaluate((to) => pn.connect(to).then(() => {}), `ws://127.0.0.1:${wire.port}`);
  });
  afterEach(async () => {
    await context.close();
    await node.close();
    await wire.close();
  });

  const linked = (): boolean => node.connections().length > 0;
  /** How often the page has connected. */
  const connects = (): Promise<number> =>
    page.evaluate(() => debugged.filter(({ event }) => event === 'connect').length);

  test('frozen until its peer gave it up: back in 10 s', { timeout: 120_000 }, async () => {
    const { freeze, thaw } = await freezer(browser);
    await page.evaluate(() => {
      Object.assign(globalThis, { ticks: 0 });
      setInterval(() => (globalThis as unknown as { ticks: number }).ticks++, 10);
    });
    const startMs = performance.now();
    freeze();
    await until('the peer gives it up', () => !linked(), 25_000);
    await until('long enough', () => performance.now() - startMs >= frozenMs, frozenMs + 1_000);
    thaw();
    await until('back', linked, backMs);
    // Control: it was frozen, so its timers stood still.
    const ticks = await page.evaluate(() => (globalThis as unknown as { ticks: number }).ticks);
    expect(ticks).toBeLessThan((performance.now() - startMs) / 10 / 2);
    await until('the page sees it, too', async () => (await connects()) > 1 || undefined, backMs);
    expect(await connects()).toBe(2);
  });

  test('a network that changed: the dead link is found and replaced in 10 s', async () => {
    wire.deaden();
    await context.setOffline(true);
    await context.setOffline(false);
    const startMs = performance.now();
    await until('connected again', async () => (await connects()) > 1 || undefined, backMs);
    await until('a link that carries', async () => {
      const { overlay } = (await page.evaluate(() => pn.snapshot())).connections;
      return overlay > 0;
    });
    expect(performance.now() - startMs).toBeLessThan(backMs);
  });

  test('control: of a link that dies without a word, nothing is known so soon', async () => {
    wire.deaden();
    await page.waitForTimeout(6_500);
    expect(await connects()).toBe(1);
  });

  test('offline for longer than any link lives, then online: back in 10 s', async () => {
    await context.setOffline(true);
    wire.deaden();
    const alone = () => page.evaluate(() => pn.connections().length === 0);
    await until('the page is alone', async () => (await alone()) || undefined, 20_000);
    await until(
      'it tries in vain',
      async () => {
        const failed = () => (pn.snapshot().situation.dials as { failed: number }).failed >= 2;
        return (await page.evaluate(failed)) || undefined;
      },
      20_000,
    );
    await context.setOffline(false);
    await until('back', async () => !(await alone()) || undefined, backMs);
  });
});
