// A page and a Node process that know one address: both find each other, and talk. Once per way to build a page.
import { createHash, randomBytes } from 'node:crypto';
import { until } from '@peernet/testkit';
import { type ByteStream, type Peernet, peernet } from 'peernet';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { executablePath, flavours, launch, openPage, openSite, type Site } from '../src/index.js';

/** Bytes of a transfer each way: four times the credit of a channel. */
const mebibyte = 1_048_576;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Of what comes until the other side ends; `for await` would wait for our own end, too. */
function hashOf(stream: ByteStream): Promise<{ length: number; hash: string }> {
  const chunks: Uint8Array[] = [];
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk) => void chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => {
      const bytes = Buffer.concat(chunks);
      stream.end();
      resolve({ length: bytes.length, hash: sha256(bytes) });
    });
  });
}

describe.skipIf(executablePath === undefined)('a page and Node, by WebSocket', () => {
  let browser: Browser;
  let site: Site;
  let node: Peernet;
  beforeAll(async () => {
    [browser, site] = await Promise.all([launch(), openSite({ flavours })]);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });
  afterEach(() => node?.close());

  test.each(flavours)('%s: connect, be found, find, 1 MiB each way', async (flavour) => {
    node = peernet();
    const received = new Promise<{ length: number; hash: string }>((resolve) => {
      node.handle('upload', (stream) => hashOf(stream).then(resolve));
    });
    const { address } = await node.listen('ws://127.0.0.1:0');
    await node.join('in node');
    const context = await browser.newContext();
    const page = await openPage(context, site.page(flavour));
    const id = await page.evaluate(async (target) => {
      await pn.connect(target);
      await pn.join('in a page');
      return pn.id;
    }, address);

    // Found, both ways: the page as an id, Node at its address.
    const row = await node.find('in a page');
    expect(row.id).toBe(id);
    const found = await page.evaluate(async () => {
      const { id, address } = await pn.find('in node');
      return { id, address };
    });
    expect(found).toEqual({ id: node.id, address });

    // From the page, to the member that it found.
    const sent = await page.evaluate(async (count) => {
      const bytes = new Uint8Array(count);
      for (let at = 0; at < count; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
      const stream = pn.open(await pn.find('in node'), 'upload');
      stream.end(bytes);
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    }, mebibyte);
    expect(await received).toEqual({ length: mebibyte, hash: sent });

    // And from Node, to the page; it sends everything back.
    await page.evaluate(() => void pn.handle('echo', (stream) => void stream.pipe(stream)));
    const bytes = randomBytes(mebibyte);
    const stream = node.open(row, 'echo');
    stream.end(bytes);
    expect(await hashOf(stream)).toEqual({ length: mebibyte, hash: sha256(bytes) });

    await page.evaluate(() => pn.close());
    await until('the page has left', () => node.connections().length === 0);
    await context.close();
  });
});
