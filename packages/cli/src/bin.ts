#!/usr/bin/env node
// The `peernet` command: gives `main` this process.
import { fileURLToPath } from 'node:url';
import { exit } from './exit.js';
import type { Io } from './io.js';
import { main } from './main.js';

process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  // `peernet known | head -1`: whoever reads has enough.
  if (code === 'EPIPE') process.exit(exit.ok);
  process.stderr.write(`peernet: cannot write: ${message}\n`);
  process.exit(exit.failed);
});
process.stderr.on('error', () => {}); // nobody listens to the talk; a server goes on

const io: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  outIsTerminal: process.stdout.isTTY === true,
  errIsTerminal: process.stderr.isTTY === true,
  env: process.env,
  cwd: here(),
  onInterrupt(listener) {
    process.on('SIGINT', listener);
    return () => process.off('SIGINT', listener);
  },
  self: {
    execPath: process.execPath,
    execArgv: process.execArgv,
    script: fileURLToPath(import.meta.url),
  },
};

/** The folder that we are in; of one that was removed meanwhile, the name that the shell remembers. */
function here(): string {
  try {
    return process.cwd();
  } catch {
    return process.env.PWD || '/';
  }
}

process.exitCode = await main(process.argv.slice(2), io);
