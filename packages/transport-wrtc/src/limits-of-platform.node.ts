// The limits where nobody chose others: in Node.
export { wrtcLimits as defaultLimits } from './defaults.js';
