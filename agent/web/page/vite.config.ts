import { preact } from '@preact/preset-vite'
import { defineConfig } from 'vite'
import { wholeAssets } from './whole-assets.ts'

/** One small bundle of everything: the page asks nobody but the agent that it came from. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [preact({ devToolsEnabled: false }), wholeAssets()],
  build: {
    outDir: '../../../dist/agent/web/page',
    emptyOutDir: true,
    target: 'es2022',
    cssTarget: ['chrome123', 'safari17.5', 'firefox121'],
    // Inlined as data: they would need a weaker content policy.
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
  },
})
