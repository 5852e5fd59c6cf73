// A small live picture of the neighbourhood: us in the middle, whom we are connected to around it.
const ns = 'http://www.w3.org/2000/svg';

/** @param peers `pn.peers()`; @param names id → name of those who are in the chat */
export function draw(svg, peers, names) {
  svg.replaceChildren();
  const [cx, cy, radius] = [160, 130, 92];
  // In a fixed order, so that nobody jumps about.
  const around = [...peers].sort((a, b) => (a.id < b.id ? -1 : 1));
  const place = (i) => {
    const angle = (2 * Math.PI * i) / Math.max(around.length, 1) - Math.PI / 2;
    return [cx + radius * Math.cos(angle), cy + radius * Math.sin(angle)];
  };
  around.forEach((peer, i) => {
    const [x, y] = place(i);
    add(svg, 'line', { x1: cx, y1: cy, x2: x, y2: y, class: peer.transport === 'wrtc' ? 'wrtc' : 'ws' });
  });
  around.forEach((peer, i) => {
    const [x, y] = place(i);
    const name = names.get(peer.id);
    add(svg, 'circle', { cx: x, cy: y, r: 9, class: name === undefined ? 'other' : 'member' });
    add(svg, 'text', { x, y: y + (y < cy ? -15 : 24) }, name ?? peer.id.slice(0, 6));
  });
  add(svg, 'circle', { cx, cy, r: 12, class: 'me' });
}

function add(parent, kind, attributes, text) {
  const element = document.createElementNS(ns, kind);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
}
