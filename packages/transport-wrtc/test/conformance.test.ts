import { conformance } from './conformance.js';

conformance('@roamhq/wrtc');
