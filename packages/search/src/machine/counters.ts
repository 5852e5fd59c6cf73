// What happened, for snapshots and tests. `limiterDrops` must stay 0 while everybody is honest (protocol.md).

export class Counters {
  /** Casts that came in over a limit and were dropped or cut. */
  limiterDrops = 0;
  advertsIn = 0;
  searchesIn = 0;
  rowsIn = 0;
  /** Copies of what was known. */
  duplicates = 0;
  /** Copies with much more budget than the first. */
  topUps = 0;
  /** Orphans that have a chain to their member again. */
  mended = 0;
  /** New adverts for which there was no place. */
  notAdmitted = 0;
  /** Signed objects that were refused: too old, from the future, or withdrawn. */
  refused = 0;
  signatures = 0;
  /** Answers that nobody here had asked for. */
  unasked = 0;
  misbehaved = 0;
  /** Rows that did not fit into the limits of a search. */
  rowsCut = 0;
}
