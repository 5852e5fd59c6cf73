// From an https page: browsers allow wss: alone, so nothing else is dialed, and nobody else is learned of.
import { testCertificate } from '@peernet/testkit';
import { type Peernet, peernet } from 'peernet';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { executablePath, launch, openPage, openSite, type Site } from '../src/index.js';

const known = (page: Page): Promise<(string | undefined)[]> =>
  page.evaluate(async () => {
    const addresses = [];
    for await (const { address } of pn.known()) addresses.push(address);
    return addresses;
  });

describe.skipIf(executablePath === undefined)('a page that came by https', () => {
  let browser: Browser;
  let site: Site;
  let plainSite: Site;
  let nodes: Peernet[] = [];
  beforeAll(async () => {
    [browser, site, plainSite] = await Promise.all([launch(), openSite({ https: true }), openSite()]);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await plainSite?.close();
  });
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    nodes = [];
  });

  test('dials wss:, not ws:, and learns of nobody who has only that', async () => {
    const [secure, plain] = [peernet(), peernet()];
    nodes = [secure, plain];
    const { port } = await secure.listen('wss', { host: '127.0.0.1', tls: testCertificate });
    const { address } = await plain.listen('ws://127.0.0.1:0');
    await secure.connect(address);

    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await openPage(context, site.page('esbuild'));
    const refused = await page.evaluate((to) => pn.connect(to).catch((error) => error.code), address);
    expect(refused).toBe('SCHEME_UNKNOWN');
    await page.evaluate((to) => pn.connect(to).then(() => {}), `wss://localhost:${port}`);
    // Control: a page that came by http, no earlier, hears of the other node and dials it.
    const open = await openPage(context, plainSite.page('esbuild'));
    await open.evaluate((to) => pn.connect(to).then(() => {}), `wss://localhost:${port}`);
    await open.waitForFunction((to) => pn.connections().includes(to), address);
    expect(await known(open), 'control').toContain(address);
    expect(await known(page)).toEqual([`wss://localhost:${port}`]);
    // An introduction by WebRTC needs no such address.
    const dialed = (await page.evaluate(() => pn.connections())).filter((at) => !at.startsWith('wrtc:'));
    expect(dialed).toEqual([`wss://localhost:${port}`]);
    await context.close();
  });
});
