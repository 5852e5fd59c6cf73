// @peernet/store: the address book of peernet, in any abstract-level database or in none.
export { type AddressBook, type CreateBookOptions, createBook } from './book-store.js';
export type { LevelDatabase } from './database.js';
export { type CreateStoreOptions, createStore, type Store } from './level-store.js';
