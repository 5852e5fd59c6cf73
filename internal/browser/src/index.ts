// Tests of peernet in pages: see test/. Everything here drives a browser from Node.
export { executablePath, freezer, launch } from './chromium.js';
export { openPage, settle } from './page.js';
export { type Flavour, flavours, openSite, type Site } from './site.js';
export { openWire, type Wire } from './wire.js';
