#!/usr/bin/env node
// The `peernet` command: gives `main` this process.
import { fileURLToPath } from 'node:url';
import { exit } from './exit.js';
import type { Io } from './io.js';
import { main } from './main.js';

for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // `peernet known | head -1`: whoever reads has enough.
    if (error.code === 'EPIPE') process.exit(exit.ok);
    throw error;
  });

const io: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  outIsTerminal: process.stdout.isTTY === true,
  errIsTerminal: process.stderr.isTTY === true,
  env: process.env,
  cwd: process.cwd(),
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

process.exitCode = await main(process.argv.slice(2), io);
