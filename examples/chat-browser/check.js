// Without a browser: the page and all that it loads is served, and two peers talk through the page's own room.js, over
// the peer that the server runs. Exits 0 if so.
import { spawn } from 'node:child_process';
import peernet from 'peernet';
import { enter } from './page/room.js';

const server = spawn(process.execPath, ['serve.js'], {
  env: { ...process.env, PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const late = setTimeout(() => end(1, 'not done within 60 s'), 60_000);

function end(code, why) {
  console.log(why);
  server.kill('SIGKILL');
  process.exit(code);
}

const origin = await new Promise((done) => {
  let output = '';
  server.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
    const match = /http:\/\/localhost:\d+/.exec(output);
    if (match) done(match[0]);
  });
});
for (const path of ['/', '/chat.js', '/room.js', '/picture.js', '/style.css', '/peernet.js']) {
  const { status, headers } = await fetch(origin + path);
  if (status !== 200) end(1, `${path}: ${status}`);
  console.log(`${path}: ${headers.get('content-type')}`);
}
for (const path of ['/serve.js', '//']) {
  if ((await fetch(origin + path)).status !== 404) end(1, `it serves more than the page: ${path}`);
}

const seeds = await (await fetch(`${origin}/start.json`)).json();
function guest(name) {
  const pn = peernet({ seeds: seeds.map((seed) => seed.replace('localhost', '127.0.0.1')) });
  const heard = [];
  const waiting = [];
  const look = () => {
    for (const check of waiting) check();
  };
  const room = enter(pn.subnet(`check ${process.pid}`), {
    name,
    onPresent: look,
    onSay: (from, text) => {
      heard.push(`${from}: ${text}`);
      look();
    },
  });
  const until = (condition) =>
    new Promise((done) => {
      const check = () => condition() && done();
      waiting.push(check);
      check();
    });
  return {
    pn,
    say: room.say,
    sees: (other) => until(() => room.present().some((member) => member.name === other)),
    hears: (line) => until(() => heard.includes(line)),
  };
}
const [alice, bob] = [guest('alice'), guest('bob')];
await alice.pn.listen('ws'); // a page would be introduced instead
await Promise.all([alice.sees('bob'), bob.sees('alice')]);
alice.say('hello, bob');
await bob.hears('alice: hello, bob');
bob.say('hello, alice');
await alice.hears('bob: hello, alice');
await Promise.all([alice.pn.close(), bob.pn.close()]);
server.kill('SIGINT');
const code = await new Promise((done) => server.on('close', done));
clearTimeout(late);
if (code !== 0) end(1, `the server ended with ${code}`);
console.log('the page is served, and two guests have talked');
