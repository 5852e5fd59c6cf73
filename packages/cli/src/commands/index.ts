// All commands, in the order in which help shows them: first those of the specification, in its words.
import type { Command } from './command.js';
import { background, close, daemon, log, server } from './daemon.js';
import { add, connect, connections, disconnect, known, own, peers, rm } from './peers.js';
import { listen, servers, unlisten } from './services.js';
import { doctor, status } from './status.js';
import { join, part, search, subnets } from './subnets.js';

export const commands: readonly Command[] = [
  server,
  daemon,
  log,
  known,
  own,
  connections,
  connect,
  disconnect,
  add,
  rm,
  join,
  part,
  subnets,
  search,
  listen,
  servers,
  unlisten,
  close,
  status,
  peers,
  doctor,
  background,
];
