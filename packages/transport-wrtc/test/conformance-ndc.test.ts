// In a file, and so in a process, of its own: both implementations bring parts of the same native libraries.
import { conformance } from './conformance.js';

conformance('node-datachannel');
