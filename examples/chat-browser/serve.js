// Serves the page, and is a peer to start from. Nothing of the chat goes through here unless a page is linked to it:
// once two pages know each other they stay connected, whatever becomes of this process.
//
//   npm start                 http://localhost:8080, to be opened in several tabs or browsers
//   PORT=80 WS_PORT=4000 node serve.js
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import peernet from 'peernet';

const pn = peernet({ relay: true });
const service = await pn.listen('ws', { port: Number(process.env.WS_PORT ?? 0) });

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
/** Everything that is served; nothing else of this folder is. */
const pages = new Map([
  ['/', file('page/index.html')],
  ['/chat.js', file('page/chat.js')],
  ['/room.js', file('page/room.js')],
  ['/picture.js', file('page/picture.js')],
  ['/style.css', file('page/style.css')],
  ['/peernet.js', fileURLToPath(import.meta.resolve('peernet/browser-bundle'))],
]);
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

const server = createServer((request, response) => {
  const [pathname] = request.url.split('?'); // not `new URL`, which throws for some that strangers send
  if (pathname === '/start.json') {
    // Where a new page begins: this peer, under the name by which the page has found us.
    const at = `http://${request.headers.host ?? 'localhost'}`;
    const hostname = URL.canParse(at) ? new URL(at).hostname : 'localhost';
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify([`ws://${hostname}:${service.port}`]));
    return;
  }
  const path = pages.get(pathname);
  if (path === undefined) response.writeHead(404).end('not here\n');
  else {
    response.setHeader('content-type', `${types[extname(path)]}; charset=utf-8`);
    createReadStream(path).pipe(response);
  }
});
server.listen(Number(process.env.PORT ?? 8080), () => {
  console.log(
    `the chat: http://localhost:${server.address().port}  (open it in several tabs; Ctrl-C ends this)`,
  );
  console.log(
    `the terminal joins with: npm start NAME ws://localhost:${service.port}  in examples/chat-terminal`,
  );
});
server.on('error', (error) => {
  console.error(`cannot serve the page: ${error.message}; try PORT=8081 npm start`);
  process.exitCode = 1;
  pn.close();
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    server.close();
    server.closeAllConnections();
    pn.close();
  });
}
