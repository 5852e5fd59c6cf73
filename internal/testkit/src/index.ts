// @peernet/testkit: what tests with real sockets share. Private; for tests only.
export { testCertificate } from './certificate.js';
export { leakCheck } from './leak-check.js';
export { until, untilDone } from './until.js';
