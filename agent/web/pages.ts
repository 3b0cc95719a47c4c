import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { PACKAGE_ROOT } from '../package-root.ts'

/** Where `npm run build` puts the page; from the sources and from the build alike. */
export const PAGE_DIR = join(PACKAGE_ROOT, 'dist/agent/web/page')

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>milepost</title>
<h1>The page is not built yet</h1><p>Run <code>npm run build</code> once, then load this again.
What it would show is under <a href="/api/status">/api/status</a>.`

/** The files of the page, which tell nothing of the vehicle: they are given without a token. */
export async function servePage(app: FastifyInstance, dir = PAGE_DIR): Promise<void> {
  if (!existsSync(join(dir, 'index.html'))) {
    app.get('/', (_, reply) => reply.code(503).type('text/html; charset=utf-8').send(NOT_BUILT))
    return
  }
  await app.register(fastifyStatic, {
    root: dir,
    // As if they were not there: answered, and counted, like any path that is not.
    dotfiles: 'ignore',
    redirect: false,
    list: false,
    setHeaders: (reply, path) => {
      const named = /-[\w-]{8}\.\w+$/.test(path)
      reply.header('cache-control', named ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
}
