// The shape of every protocol core, and the rules that make it provable.
//
// A machine takes an input and the time, and tells effects what to do. It owns no clock, no dice, no socket,
// no promise, no stream and no database; the shell around it owns one alarm, the links and the store. So the
// same code runs in a daemon, in a browser tab and ten thousand times in a simulator, where failures replay
// from a seed. The contract of time is str0m's: time goes in as a number and comes out as a deadline, so there
// is no timer to cancel and none that fires into a state it does not know.

/** Inputs are tagged objects; effects are verbs on a sink, so that a test passes a recording sink. */
export interface Machine<Input, Effects> {
  /** Synchronous and total: never throws on what a remote peer sent. `nowMs` never goes back. */
  handle(input: Input, nowMs: number, effects: Effects): void;
  /** Absolute time in ms at which the machine wants `{ type: 'tick' }`, or Infinity. */
  deadline(): number;
}

/** How a shell names a link to its machine: a number that is never used twice in one process. */
export type LinkKey = number;
