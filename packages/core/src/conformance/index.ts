// What replacements of peernet's parts run on themselves.
export * from './case.js';
export * from './peer-store.js';
export * from './transport.js';
