// What pages/page.ts and the tests put into a page, for the type checker.
import type * as module from 'peernet';

declare global {
  var peernet: typeof module.peernet;
  /** The node of the page. */
  var pn: module.Peernet;
  /** Debug events of the page's node, in order. */
  var debugged: { event: string; fields: Record<string, unknown> }[];
}
