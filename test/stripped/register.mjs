// Preloaded in processes of Node.js 20, `--import '…/register.mjs?folder=…'`; their threads have it too.
// From here on `.ts` is taken as it is, which Node.js 24 does by itself, and says in the same place.
import { register } from 'node:module'

process.features.typescript = 'strip'
process.setSourceMapsEnabled(true)
register(`./hooks.mjs${new URL(import.meta.url).search}`, import.meta.url)
