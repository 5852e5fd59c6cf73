// Pages that reach each other without anybody between them: by WebRTC, introduced by a node that both know. Only in a
// network of its own (scripts/browser.mjs), since WebRTC asks every interface of the computer.
import { until, untilDone } from '@peernet/testkit';
import { findRtc } from '@peernet/transport-wrtc';
import { type Options, type Peernet, peernet } from 'peernet';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { executablePath, launch, openPage, openSite, type Site } from '../src/index.js';

const here = executablePath !== undefined && process.env.PEERNET_OWN_NETWORK === '1';

describe.skipIf(!here)('pages by WebRTC', () => {
  let browser: Browser;
  let site: Site;
  let nodes: Peernet[] = [];
  let contexts: BrowserContext[] = [];
  beforeAll(async () => {
    [browser, site] = await Promise.all([launch(), openSite()]);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });
  afterEach(async () => {
    await Promise.all(contexts.map((context) => context.close()));
    await Promise.all(nodes.map((node) => node.close()));
    [nodes, contexts] = [[], []];
  });

  /** A node that listens; its address. */
  async function listening(seeds: string[] = []): Promise<string> {
    const node = peernet({ seeds });
    nodes.push(node);
    return (await node.listen('ws://127.0.0.1:0')).address;
  }

  /** A page of a browser profile of its own, connected to `addresses`. */
  async function pageOf(addresses: string[], options: Options = {}): Promise<Page> {
    const context = await browser.newContext();
    contexts.push(context);
    const page = await openPage(context, site.page('esbuild'), { peernet: options });
    await page.evaluate(async (all) => {
      for (const address of all) await pn.connect(address);
    }, addresses);
    return page;
  }

  /** Serves what it is sent back, in a subnet. */
  const serve = (page: Page): Promise<string> =>
    page.evaluate(async () => {
      pn.handle('echo', (stream) => void stream.pipe(stream));
      await pn.join('pages');
      return pn.id;
    });

  /** Finds the member of that id, and sends it something; how the peer is connected, and what came back. */
  const call = (page: Page, id: string): Promise<{ back: string; transports: string[] }> =>
    page.evaluate(async (wanted) => {
      const rows = pn.search('pages', { limit: 8, timeout: 4_000 });
      let row: Awaited<ReturnType<typeof pn.find>> | undefined;
      for await (const each of rows) if (each.id === wanted) row = each;
      if (row === undefined) throw new Error('not found');
      const stream = pn.open(row, 'echo');
      stream.write(new TextEncoder().encode('from page to page'));
      const back = await new Promise<string>((resolve, reject) => {
        stream.on('data', (bytes) => resolve(new TextDecoder().decode(bytes)));
        stream.on('error', reject);
      });
      stream.destroy();
      const transports = pn.peers().filter((peer) => peer.id === wanted);
      return { back, transports: transports.map((peer) => peer.transport) };
    }, id);

  /** Sends a mebibyte to whoever echoes it: SHA-256 of what went out, and of what came back. */
  const mebibyte = (page: Page, id: string): Promise<[sent: string, back: string]> =>
    page.evaluate(async (wanted) => {
      const sent = new Uint8Array(1_048_576);
      for (let at = 0; at < sent.length; at += 65_536) {
        crypto.getRandomValues(sent.subarray(at, at + 65_536)); // takes no more at once
      }
      const back = new Uint8Array(sent.length);
      const stream = pn.open(wanted, 'echo');
      await new Promise<void>((resolve, reject) => {
        let at = 0;
        stream.on('data', (bytes) => {
          if (at + bytes.length > back.length) return reject(new Error('more came back than was sent'));
          back.set(bytes, at);
          at += bytes.length;
          if (at === back.length) resolve();
        });
        stream.on('error', reject);
        stream.on('end', () => reject(new Error(`ended after ${at} bytes`)));
        stream.write(sent);
      });
      stream.destroy();
      const hash = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
        String(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
      return [await hash(sent), await hash(back)];
    }, id);

  /** Whether each of the pages leads to each, by their WebRTC links alone. */
  async function areJoined(pages: readonly Page[]): Promise<boolean> {
    const all = pages.map((page) =>
      page.evaluate(() => ({
        id: pn.id,
        linked: pn
          .peers()
          .filter(({ transport }) => transport === 'wrtc')
          .map(({ id }) => id),
      })),
    );
    const links = new Map((await Promise.all(all)).map(({ id, linked }) => [id, linked]));
    const reached = new Set([...links.keys()].slice(0, 1));
    for (const id of reached) for (const next of links.get(id) ?? []) reached.add(next);
    return reached.size === pages.length;
  }

  test('a page and a page: found through a node, talking without it', { timeout: 60_000 }, async () => {
    const first = await listening();
    const second = await listening([first]);
    const [one, two] = [await pageOf([first, second]), await pageOf([first, second])];
    const id = await serve(two);
    expect(await call(one, id)).toEqual({ back: 'from page to page', transports: ['wrtc'] });
    const [sent, back] = await mebibyte(one, id);
    expect(back).toBe(sent);

    // A stream that lives while the node that introduced them dies.
    await one.evaluate((to) => {
      const stream = pn.open(to, 'echo');
      const answers: number[] = [];
      stream.on('data', (bytes) => answers.push(bytes[0] as number));
      Object.assign(globalThis, { stream, answers });
    }, id);
    await nodes.shift()?.close();
    const answers = (): number[] => (globalThis as unknown as { answers: number[] }).answers;
    await one.evaluate(() => {
      (globalThis as unknown as { stream: { write(bytes: Uint8Array): void } }).stream.write(
        new Uint8Array([7]),
      );
    });
    await one.waitForFunction(() => (globalThis as unknown as { answers: number[] }).answers.includes(7));
    expect(await one.evaluate(answers)).toEqual([7]);

    // A third page finds the second one through the node that is left, once the second one says that this is its relay.
    const three = await pageOf([second]);
    const answer = await untilDone('found and called', () => call(three, id), 25_000);
    expect(answer).toEqual({ back: 'from page to page', transports: ['wrtc'] });
  });

  test('four pages that know one server only find and reach each other when it has gone', {
    timeout: 90_000,
  }, async () => {
    const server = await listening();
    const pages = await Promise.all(Array.from({ length: 4 }, () => pageOf([server])));
    const ids = await Promise.all(pages.map(serve));
    await until('a way from each to each without the server', () => areJoined(pages), 60_000);
    await nodes.shift()?.close();
    const [one] = pages as [Page];
    for (const id of ids.slice(1)) {
      const answer = await untilDone('found and called', () => call(one, id), 25_000);
      expect(answer).toEqual({ back: 'from page to page', transports: ['wrtc'] });
    }
  });

  const rtc = findRtc();
  test.skipIf(rtc === undefined)(
    'a page and a Node process that does not listen',
    { timeout: 60_000 },
    async () => {
      const [first, second] = [await listening(), await listening()];
      const hidden = peernet({ wrtc: rtc });
      nodes.push(hidden);
      hidden.handle('echo', (stream) => void stream.pipe(stream));
      await hidden.join('pages');
      for (const address of [first, second]) await hidden.connect(address);
      const page = await pageOf([first, second]);
      const answer = await untilDone('found and called', () => call(page, hidden.id), 25_000);
      expect(answer).toEqual({ back: 'from page to page', transports: ['wrtc'] });
      const [sent, back] = await mebibyte(page, hidden.id);
      expect(back).toBe(sent);

      // And the other way round.
      const id = await serve(page);
      const stream = hidden.open(id, 'echo');
      stream.write('from Node');
      expect(await new Promise((resolve) => stream.on('data', (bytes) => resolve(String(bytes))))).toBe(
        'from Node',
      );
      stream.destroy();
    },
  );

  test('control: who turned it off reaches nobody that cannot be dialed', { timeout: 60_000 }, async () => {
    const address = await listening();
    const [one, two] = [await pageOf([address], { wrtc: false }), await pageOf([address])];
    const id = await serve(two);
    const code = await one.evaluate(async (wanted) => {
      const stream = pn.open(await pn.find('pages'), 'echo');
      return new Promise<string>((resolve) => {
        stream.on('error', (error) => resolve((error as { code?: string }).code ?? wanted));
      });
    }, id);
    expect(['NOT_FOUND', 'ADDRESS_UNKNOWN', 'SCHEME_UNKNOWN', 'NOT_SUPPORTED']).toContain(code);
  });
});
