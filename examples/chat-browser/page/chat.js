// A tab as a peer: it begins at the page's server, remembers whom it met, and is linked to other tabs by WebRTC.
import peernet from './peernet.js';
import { draw } from './picture.js';
import { enter } from './room.js';

const byId = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const name = query.get('name') ?? prompt('Your name in the chat?') ?? 'somebody';
const pn = peernet({ seeds: await start() });
const chat = pn.subnet(query.get('room') ?? 'example chat');
const room = enter(chat, { name, onPresent: show, onSay: print });
// For those who would like to look at it in the console.
globalThis.pn = pn;

/** Where to begin. A page that has been here before knows others, if this fails. */
async function start() {
  try {
    return await (await fetch('start.json')).json();
  } catch {
    return [];
  }
}

function print(from, text, own) {
  const item = document.createElement('li');
  const author = document.createElement('b');
  author.textContent = from;
  item.append(author, ` ${text}`);
  item.classList.toggle('mine', own);
  byId('messages').append(item);
  item.scrollIntoView({ block: 'end' });
}

function show() {
  const names = new Map(room.present().map((member) => [member.id, member.name]));
  const people = byId('people');
  people.replaceChildren(person(`${name} (you)`));
  for (const { id, name: other } of room.present()) people.append(person(other, linkTo(id)));
  const peers = pn.peers().filter(({ kind }) => kind !== 'probe' && kind !== 'pending');
  const over = (transport) =>
    peers.filter((peer) => (peer.transport === 'wrtc') === (transport === 'wrtc')).length;
  byId('links').textContent = `${over('wrtc')} WebRTC, ${over('ws')} WebSocket`;
  byId('state').textContent = peers.length > 0 ? 'connected' : 'looking for peers …';
  draw(byId('picture'), peers, names);
}

/** How we are connected to a member. */
function linkTo(id) {
  const peer = pn.peers().find((candidate) => candidate.id === id);
  if (peer === undefined) return '';
  return peer.transport === 'wrtc' ? 'WebRTC' : 'WebSocket';
}

function person(text, link) {
  const item = document.createElement('li');
  item.textContent = text;
  if (link) {
    const label = document.createElement('small');
    label.textContent = link;
    item.append(' ', label);
  }
  return item;
}

byId('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const { value } = byId('text');
  byId('text').value = '';
  if (value.trim() !== '') room.say(value);
});
pn.on('connect', show);
pn.on('disconnect', show);
setInterval(show, 2_000);
// Others see us go at once instead of after the next pings.
addEventListener('pagehide', (event) => {
  if (!event.persisted) pn.close();
});
show();
byId('text').focus();
