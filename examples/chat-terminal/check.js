// Two chats in two processes on this machine: each must see the other come, speak and go. Exits 0 if so.
import { spawn } from 'node:child_process';

const running = [];
const room = `check ${process.pid}`;
setTimeout(() => end(1, 'not done within 60 s'), 60_000).unref();

/** A chat whose lines can be waited for. */
function chat(...args) {
  const child = spawn(process.execPath, ['index.js', ...args], {
    env: { ...process.env, ROOM: room },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  running.push(child);
  let output = '';
  const waiting = [];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    process.stdout.write(text.replace(/^(?=.)/gm, `${args[0]} | `));
    output += text;
    for (const look of waiting) look();
  });
  return {
    write: (text) => child.stdin.write(`${text}\n`),
    leave: () => child.kill('SIGINT'),
    exit: new Promise((done) => child.on('close', done)),
    reads: (pattern) =>
      new Promise((done) => {
        const look = () => pattern.test(output) && done(pattern.exec(output));
        waiting.push(look);
        look();
      }),
  };
}

function end(code, why) {
  console.log(why);
  for (const child of running) child.kill('SIGKILL');
  process.exit(code);
}

const alice = chat('alice');
const [, port] = await alice.reads(/ws:\/\/YOUR_ADDRESS:(\d+)/);
const bob = chat('bob', `ws://127.0.0.1:${port}`);
await Promise.all([alice.reads(/\* bob \(\w+\) is here/), bob.reads(/\* alice \(\w+\) is here/)]);

alice.write('hello, bob');
await bob.reads(/^alice: hello, bob$/m);
bob.write('hello, alice');
await alice.reads(/^bob: hello, alice$/m);
bob.write('/who');
await bob.reads(/here: alice \(\w+\), you/);

bob.leave();
await alice.reads(/\* bob \(\w+\) has gone/);
alice.leave();
const codes = await Promise.all([alice.exit, bob.exit]);
if (codes.some((code) => code !== 0)) end(1, `exit codes ${codes}`);
console.log('both said hello and left');
