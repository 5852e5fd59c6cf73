// The room of the chat that people copy (examples/chat-browser/page/room.js), without a browser: what members send may be
// anything, and they need not read what they are sent.
import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';

const { enter } = await import(new URL('../../../examples/chat-browser/page/room.js', import.meta.url).href);

/** One end of a stream: `sent` is what the room wrote into it. */
class End extends EventEmitter {
  readonly sent: unknown[] = [];
  reads = true;
  write(bytes: Uint8Array): boolean {
    this.sent.push(JSON.parse(new TextDecoder().decode(bytes)));
    return this.reads;
  }
  says(message: unknown): void {
    this.emit('data', new TextEncoder().encode(`${JSON.stringify(message)}\n`));
  }
}

function room() {
  const chat = new EventEmitter();
  const heard: string[] = [];
  const onSay = (name: string, text: string): unknown => heard.push(`${name}: ${text}`);
  const { present, say } = enter(chat, { name: 'me', onPresent: () => {}, onSay });
  const [ada, bert] = [new End(), new End()];
  chat.emit('connection', ada, { id: 'a' });
  chat.emit('connection', bert, { id: 'b' });
  ada.says({ name: 'ada' });
  bert.says({ name: 'bert' });
  return { ada, bert, heard, say, names: () => present().map((member: { name: string }) => member.name) };
}

test('what is no message is neither shown nor passed on, and throws nothing', () => {
  const { ada, bert, heard, names } = room();
  const nothing = { toString: 1 }; // String() of it throws
  for (const text of [nothing, null, 5]) ada.says({ id: '1', name: 'ada', text });
  for (const name of [nothing, undefined]) ada.says({ id: '2', name, text: 'hi' });
  // Each copy of an object is another one: such an id would go round for ever.
  for (const id of [{}, [], undefined]) ada.says({ id, name: 'ada', text: 'hi' });
  for (const message of [null, 5, 'x', {}]) ada.says(message);
  ada.says({ id: '3', name: 'ada', text: 'bye' });
  expect(heard).toEqual(['ada: bye']);
  expect(bert.sent).toEqual([{ name: 'me' }, { id: '3', name: 'ada', text: 'bye' }]);
  expect(names()).toEqual(['ada', 'bert']);
});

test('who does not introduce himself is not there', () => {
  const chat = new EventEmitter();
  const { present } = enter(chat, { name: 'me', onPresent: () => {}, onSay: () => {} });
  const end = new End();
  chat.emit('connection', end, { id: 'a' });
  for (const message of [{}, 5, { name: { toString: 1 } }]) end.says(message);
  expect(present()).toEqual([]);
});

test('nothing waits for who reads nothing', () => {
  const { ada, bert, say } = room();
  bert.reads = false;
  for (let i = 0; i < 100; i++) say('hello');
  expect([ada.sent.length, bert.sent.length]).toEqual([101, 2]);
  bert.reads = true;
  bert.emit('drain');
  say('hello');
  expect([ada.sent.length, bert.sent.length]).toEqual([102, 3]);
});
