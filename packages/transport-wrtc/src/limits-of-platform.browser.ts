// The limits where nobody chose others: in browsers.
import { browserLimits, wrtcLimits } from './defaults.js';

export const defaultLimits = Object.freeze({ ...wrtcLimits, ...browserLimits });
