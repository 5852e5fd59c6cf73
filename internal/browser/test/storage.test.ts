// What a page remembers by itself: who it is and whom it knows, across reloads; what a second tab may do; and that a
// browser without storage is no reason not to work.
import { type Peernet, peernet } from 'peernet';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { executablePath, launch, openPage, openSite, type Site, settle } from '../src/index.js';

/** A page that was reloaded is back within this, ms (targets.md R3). */
const backMs = 5_000;

describe.skipIf(executablePath === undefined)('storage of a page', () => {
  let browser: Browser;
  let site: Site;
  let context: BrowserContext;
  let nodes: Peernet[] = [];
  beforeAll(async () => {
    [browser, site] = await Promise.all([launch(), openSite()]);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });
  beforeEach(async () => {
    context = await browser.newContext();
  });
  afterEach(async () => {
    await context.close();
    await Promise.all(nodes.map((node) => node.close()));
    nodes = [];
  });

  /** A listening node that knows `seed`; its address. */
  async function listening(seed?: string): Promise<string> {
    const node = peernet(seed === undefined ? {} : { seeds: [seed] });
    nodes.push(node);
    return (await node.listen('ws://127.0.0.1:0')).address;
  }

  const url = (): string => site.page('esbuild');

  test('reload: the same peer, back by its own book though its seed is gone', async () => {
    const seed = await listening();
    const other = await listening(seed);
    const page = await openPage(context, url());
    const id = await page.evaluate((to) => pn.connect(to).then(() => pn.id), seed);
    await page.waitForFunction((to) => pn.connections().includes(to), other);
    await page.evaluate(() => pn.join('remembered'));
    await nodes.shift()?.close();

    const startMs = performance.now();
    await page.reload();
    expect(await settle(page)).toBe(id);
    await page.waitForFunction((to) => pn.connections().includes(to), other, { timeout: backMs });
    expect(performance.now() - startMs).toBeLessThan(backMs);
    expect(await page.evaluate(() => pn.snapshot().subnets)).toEqual(['remembered']);
    // The seed was tried or not; it is not connected, so nothing but the book can have led here.
    expect(await page.evaluate(() => pn.connections())).toEqual([other]);
  });

  test('control: a page of another profile knows nobody', async () => {
    const seed = await listening();
    const page = await openPage(context, url());
    await page.evaluate((to) => pn.connect(to).then(() => pn.close()), seed);
    const stranger = await browser.newContext();
    const elsewhere = await openPage(stranger, url());
    expect(await elsewhere.evaluate(() => pn.snapshot().book.known)).toBe(0);
    await stranger.close();
  });

  test('two tabs are two peers: the second reads the book, and writes nothing', async () => {
    const seed = await listening();
    const first = await openPage(context, url());
    const id = await first.evaluate((to) => pn.connect(to).then(() => pn.id), seed);
    await first.evaluate(() => pn.join('tab one'));

    const second = await openPage(context, url());
    const secondId = await second.evaluate(() => pn.id);
    expect(secondId).not.toBe(id);
    expect(await second.evaluate(() => debugged)).toContainEqual({
      event: 'storage',
      fields: { readOnly: expect.any(String) },
    });
    await second.waitForFunction((to) => pn.connections().includes(to), seed); // by the book of the first
    const row = await second.evaluate(async () => ({ ...(await pn.find('tab one')) }));
    expect(row.id).toBe(id);
    await second.evaluate(() => pn.save('ws://127.0.0.1:1'));
    await second.evaluate(() => pn.close());

    // The first one's identity and book are as they were.
    await first.reload();
    expect(await settle(first)).toBe(id);
    expect(await first.evaluate(() => pn.snapshot().book)).toMatchObject({ known: 1, saved: 0 });
  });

  test('the tab that is left may write', async () => {
    const first = await openPage(context, url());
    const second = await openPage(context, url());
    const id = await first.evaluate(() => pn.id);
    await first.close();
    await second.reload();
    expect(await settle(second)).toBe(id);
    await second.evaluate(() => pn.save('ws://127.0.0.1:1'));
    await second.reload();
    await settle(second);
    expect(await second.evaluate(() => pn.snapshot().book.saved)).toBe(1);
  });

  test('each network has its own book and identity, and its name is not to be read there', async () => {
    const page = await openPage(context, url());
    const id = await page.evaluate(() => pn.id);
    const other = await openPage(context, url(), { peernet: { network: 'a shared secret' } });
    expect(await other.evaluate(() => pn.id)).not.toBe(id);
    expect(await other.evaluate(() => debugged.map(({ event }) => event))).not.toContain('storage');
    const names = await page.evaluate(() => indexedDB.databases().then((all) => all.map(({ name }) => name)));
    expect(names.sort()).toEqual(['peernet', expect.stringMatching(/^peernet-[0-9a-f]{16}$/)]);
  });

  const lacking = {
    'no IndexedDB': () => Object.defineProperty(globalThis, 'indexedDB', { value: undefined }),
    'no Web Locks': () => Object.defineProperty(navigator, 'locks', { value: undefined }),
    'IndexedDB that fails': () =>
      Object.defineProperty(IDBFactory.prototype, 'open', {
        value: () => {
          throw new DOMException('denied', 'SecurityError');
        },
      }),
  };

  test.each(Object.entries(lacking))('%s: in memory, a debug event, no error', async (_, prepare) => {
    const seed = await listening();
    const page = await openPage(context, url(), { prepare });
    await page.evaluate(async (to) => {
      await pn.connect(to);
      await pn.join('without storage');
    }, seed);
    expect((await nodes[0]?.find('without storage'))?.id).toBe(await page.evaluate(() => pn.id));
    const events = await page.evaluate(() => debugged);
    expect(events).toContainEqual({ event: 'storage', fields: { memory: expect.any(String) } });
    expect(events.map(({ event }) => event)).not.toContain('error');
  });

  test('the database is taken away while the page runs: it makes a new one', async () => {
    const page = await openPage(context, url());
    await page.evaluate(async () => {
      await new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase('peernet');
        request.onsuccess = resolve;
        request.onerror = reject;
        request.onblocked = reject;
      });
      await pn.save('ws://127.0.0.1:1');
    });
    await page.reload();
    await settle(page);
    expect(await page.evaluate(() => pn.snapshot().book.saved)).toBe(1);
    expect(await page.evaluate(() => debugged.map(({ event }) => event))).not.toContain('error');
  });
});
