// The browser that the tests drive: Debian's Chromium, or the one that CHROMIUM names. scripts/browser.mjs decides what
// its absence means; here tests are skipped.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** The executable, or undefined if there is none. */
export const executablePath = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && path !== '' && existsSync(path));

/** Stops and continues every process that runs pages: for a page, nothing differs from a computer that sleeps. */
export async function freezer(browser: Browser): Promise<{ freeze(): void; thaw(): void }> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  if (renderers.length === 0) throw new Error('no process runs pages');
  const signal = (name: 'SIGSTOP' | 'SIGCONT') => (): void => {
    for (const id of renderers) process.kill(id, name);
  };
  return { freeze: signal('SIGSTOP'), thaw: signal('SIGCONT') };
}

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    // In containers there is neither a sandbox for root nor much shared memory.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
}
