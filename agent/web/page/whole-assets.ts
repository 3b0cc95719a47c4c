import type { Plugin } from 'vite'

/**
 * Vite only warns of a `url()` that it cannot find, and leaves it as it stands: a page without its
 * fonts, which nobody sees in a build log. Here the build fails.
 */
export function wholeAssets(): Plugin {
  return {
    name: 'whole-assets',
    generateBundle(_options, bundle) {
      const there = new Set(Object.keys(bundle).map((name) => name.split('/').at(-1)))
      for (const file of Object.values(bundle)) {
        if (file.type !== 'asset' || !file.fileName.endsWith('.css')) continue
        const css =
          typeof file.source === 'string' ? file.source : Buffer.from(file.source).toString()
        for (const [, url] of css.matchAll(/url\(\s*["']?([^"')]+)/g)) {
          if (url.startsWith('data:') || url.startsWith('#')) continue
          const name = url.split(/[?#]/)[0].split('/').at(-1)
          if (url.startsWith('@') || !there.has(name)) {
            this.error(`${file.fileName} asks for ${url}, which is not in the build: run npm ci`)
          }
        }
      }
    },
  }
}
