import { defineConfig } from 'tsup';
import { nodeBase } from '../../tsup.base';

export default defineConfig(nodeBase);
