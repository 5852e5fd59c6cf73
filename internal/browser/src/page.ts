// Pages with a node in them. What a page must do is said by functions that run in it (`page.evaluate`).
import type { BrowserContext, Page } from 'playwright-core';
import './globals.js';

export interface PageOptions {
  /** Before any script of the page: for browsers that lack something. */
  readonly prepare?: () => void;
  /** Options of `peernet()`; it gets no database, as most pages will not. */
  readonly peernet?: object;
}

/** Opens `url` and starts a node as `globalThis.pn`. */
export async function openPage(
  context: BrowserContext,
  url: string,
  options: PageOptions = {},
): Promise<Page> {
  const page = await context.newPage();
  page.on('pageerror', (error) => {
    throw error; // fails the run: nothing of ours may be thrown where an app could not catch it
  });
  if (options.prepare !== undefined) await page.addInitScript(options.prepare);
  await page.goto(url);
  await settle(page, options.peernet);
  return page;
}

/** (Re)starts the node of a page that has loaded. Resolves with its id. */
export async function settle(page: Page, options: object = {}): Promise<string> {
  await page.waitForFunction(() => 'peernet' in globalThis);
  return page.evaluate(async (given) => {
    globalThis.debugged = [];
    globalThis.pn = globalThis.peernet(given);
    globalThis.pn.on(
      'debug',
      (event, fields) => void globalThis.debugged.push({ event, fields: { ...fields } }),
    );
    await globalThis.pn.ready();
    return globalThis.pn.id;
  }, options);
}
