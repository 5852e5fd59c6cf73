// Defences taken out on purpose, for runs that must fail: a target that is met with and without a defence says nothing
// about it. Each is a number of `--set sabotage.*`, 0 unless set, and takes out one thing. Nothing here is reachable
// from a product: what gossip and search are given is wrapped (their keys, their book), or a method of a machine is
// replaced in this process. What a constant turns off (`search.topUpsMax=0`, `gossip.linksDialableMax=8`) needs no sabotage.
import type { Crypto } from '@peernet/core';
import { type AddressBook, type CreateBookOptions, createBook } from '@peernet/store';
import { Queries } from '../../../packages/search/src/machine/queries.js';

export const SABOTAGE = {
  /** 1: every signature is taken for good. */
  verification: 0,
  /** 1: a book takes what it is told for what it has dialed, so that it is dialed first and told on. */
  proof: 0,
  /** 1: a search that comes once more is passed on like one that is new. */
  searchDedup: 0,
};

export type Sabotage = Readonly<typeof SABOTAGE>;

/** Which of them are on, by name. */
export function sabotaged(sabotage: Sabotage): string[] {
  return Object.entries(sabotage).flatMap(([name, on]) => (on === 0 ? [] : [`sabotage.${name}`]));
}

/** Keys that believe every signature. */
export function believing(crypto: Crypto): Crypto {
  return {
    id: crypto.id,
    sign: (domain, bytes) => crypto.sign(domain, bytes),
    verify: () => true,
    seal: (to, domain, bytes) => crypto.seal(to, domain, bytes),
    open: (domain, sealed) => crypto.open(domain, sealed),
    hash: (domain, bytes) => crypto.hash(domain, bytes),
  };
}

/** A credulous book: an address that it is told counts as one that has answered just now. */
export function createCredulousBook(options: CreateBookOptions): AddressBook {
  const book = createBook(options);
  const { offer } = book;
  book.offer = (heards, source, options) => {
    offer.call(book, heards, source, options);
    for (const { record } of heards) {
      for (const address of record.addresses)
        book.outcome(address, { ok: true, id: record.id, record, probe: true });
    }
  };
  return book;
}

const genuine = Queries.prototype.get;

/** What machines of this process do from now on. */
export function sabotageMachines({ searchDedup }: Sabotage): void {
  Queries.prototype.get = searchDedup === 0 ? genuine : getAnew;
}

/** As if nothing of its budget had been passed on yet. Its way back is kept, and own searches are known. */
const getAnew: Queries['get'] = function (this: Queries, key) {
  const query = genuine.call(this, key);
  if (query !== undefined && query.own === undefined) {
    query.best = 0;
    query.topUps = 0;
  }
  return query;
};
