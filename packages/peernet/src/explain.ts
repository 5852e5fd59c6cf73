// "Why have I no peers?" Pure: looks at one snapshot and says in sentences what it means and what to do.
import type { Finding } from './types.js';

/** What the findings are drawn from. */
export interface Situation {
  readonly connections: number;
  readonly target: number;
  readonly bootstrap: boolean;
  readonly known: number;
  readonly saved: number;
  readonly verified: number;
  readonly services: number;
  readonly own: readonly { address: string; verified: boolean }[];
  readonly inbound: number;
  /** 'none': there is no implementation; 'off': not wanted. */
  readonly webrtc: 'on' | 'off' | 'none';
  /** Neighbours that can introduce us to others: we dialed them. */
  readonly relays: number;
  readonly dials: { ok: number; failed: number; lastFailure?: string | undefined };
  readonly size: number;
  readonly storeFailed: boolean;
  readonly uptimeMs: number;
}

/** First the most serious. Never empty: all well is a finding too. */
export function explain(s: Situation): Finding[] {
  const findings: Finding[] = [];
  const say = (code: string, level: Finding['level'], message: string, hint?: string): void => {
    findings.push(hint === undefined ? { code, level, message } : { code, level, message, hint });
  };
  if (s.storeFailed) {
    say(
      'STORE_FAILED',
      'error',
      'The database failed: nothing is remembered after this run.',
      'Check its folder: space, permissions, another process using it.',
    );
  }
  if (s.connections === 0) noConnections(s, say);
  else if (s.connections < Math.min(2, s.target)) {
    say(
      'FEW_CONNECTIONS',
      'warn',
      `Only ${s.connections} of ${s.target} connections.`,
      'Normal in a network this small, or in the first seconds.',
    );
  } else
    say(
      'CONNECTED',
      'ok',
      `${s.connections} connections (target ${s.target}); the network has about ${Math.round(s.size)} nodes.`,
    );
  if (s.services === 0) outboundOnly(s, say);
  else if (s.own.some((own) => own.verified)) {
    const verified = s.own.filter((own) => own.verified).map((own) => own.address);
    say('REACHABLE', 'ok', `Reachable at ${verified.join(', ')}.`);
  } else if (s.connections > 0 && s.uptimeMs > 60_000) {
    const hint = 'Open or forward the port, or say the public address: announce (--announce).';
    say(
      'NOT_REACHABLE',
      'warn',
      'This node listens, but no address of it is proven to work from outside.',
      hint,
    );
  }
  return findings;
}

/** Others reach who does not listen by WebRTC, if there is somebody who introduces them. */
function outboundOnly(
  s: Situation,
  say: (code: string, level: Finding['level'], message: string, hint?: string) => void,
): void {
  say(
    'OUTBOUND_ONLY',
    'info',
    'This node does not listen: others find it only through its own connections.',
    "Listen to be reachable: pn.listen('ws'), or: peernet listen ws",
  );
  if (s.webrtc === 'none') {
    const hint = 'Install it next to peernet: npm install @roamhq/wrtc, or pass one as opts.wrtc.';
    say(
      'NO_WEBRTC',
      'info',
      'There is no WebRTC here: peers that do not listen either cannot be reached.',
      hint,
    );
  } else if (s.webrtc === 'on' && s.connections > 0 && s.relays === 0) {
    const hint = 'Connect to peers that listen: they introduce this node to others.';
    say('NO_RELAY', 'warn', 'No neighbour of this node can introduce it to others over WebRTC.', hint);
  }
}

function noConnections(
  s: Situation,
  say: (code: string, level: Finding['level'], message: string, hint?: string) => void,
): void {
  if (s.known === 0 && s.services === 0) {
    say(
      'NO_SEEDS',
      'error',
      'No peer is known and nobody can connect to this node.',
      'Save the address of a peer: pn.save([...]), or: peernet add ws://HOST:PORT',
    );
  } else if (s.known === 0) {
    say(
      'NO_SEEDS',
      'warn',
      'No peer is known: waiting for others to connect.',
      'Save the address of a peer: pn.save([...]), or: peernet add ws://HOST:PORT',
    );
  } else if (!s.bootstrap) {
    say(
      'BOOTSTRAP_OFF',
      'warn',
      'opts.bootstrap is false: nothing is dialed unless you ask.',
      'Call pn.connect(address).',
    );
  } else if (s.dials.ok === 0 && s.dials.failed > 0) {
    const last = s.dials.lastFailure === undefined ? '' : ` (last: ${s.dials.lastFailure})`;
    say(
      'NOBODY_ANSWERS',
      'error',
      `${s.known} addresses known, but none of ${s.dials.failed} dials succeeded${last}.`,
      'Is this computer online? Are the addresses right? Try: peernet connect ADDR',
    );
  } else say('CONNECTING', 'info', `${s.known} addresses known; dialing.`);
}
