// The page of all tests: an ordinary app's import, put where a test can reach it. Built by each bundler as it comes.
import { peernet } from 'peernet';

Object.assign(globalThis, { peernet });
