import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { packBundle } from '../../models/bundle/archive.ts'
import { staysInside } from '../../models/bundle/paths.ts'
import { placeOf } from '../../models/release/place.ts'
import { initRepository } from '../../models/release/repository/init.ts'
import { KeyRing } from '../../models/release/repository/keys.ts'
import { Repository } from '../../models/release/repository/repository.ts'
import { FolderStore } from '../../models/release/repository/store.ts'

/** The kind and name under which the demo's model is released. */
export const RELEASED = { kind: 'bundle', name: 'fleet' } as const
const SEED = 'demo'

/** Where releases are signed, and the web server from which vehicles fetch them. */
export class ReleaseDesk {
  readonly repository: Repository
  readonly rootFile: string
  readonly url: string
  readonly #server: Server

  static async open(home: string): Promise<ReleaseDesk> {
    const passphrase = randomBytes(24).toString('base64')
    const keys = await KeyRing.open(join(home, 'keys'), async () => passphrase)
    const folder = join(home, 'releases')
    const store = new FolderStore(folder)
    const { rootPath } = await initRepository({ store, keys })
    const server = serve(folder)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    return new ReleaseDesk(new Repository({ store, keys }), rootPath, server)
  }

  private constructor(repository: Repository, rootFile: string, server: Server) {
    this.repository = repository
    this.rootFile = rootFile
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** Signs a bundle and begins its rollout with the one vehicle whose place comes first. */
  async release(
    version: string,
    bundleDir: string,
    fleet: readonly string[],
    base?: string,
  ): Promise<{ canary: string }> {
    const { kind, name } = RELEASED
    await this.repository.add(kind, name, version, await packBundle(bundleDir))
    await this.repository.publish()
    const places = fleet
      .map((vehicle) => ({ vehicle, place: placeOf(vehicle, SEED) }))
      .sort((a, b) => a.place - b.place)
    const stages = [
      { name: 'canary', percent: (places[0].place + 1) / 100 },
      { name: 'all', percent: 100 },
    ]
    await this.repository.start(kind, name, { version, stages, seed: SEED, base: base ?? 'none' })
    return { canary: places[0].vehicle }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** A repository is files: any web server will do, this one has the least. */
function serve(folder: string): Server {
  return createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://desk').pathname.slice(1))
    const file = join(folder, path)
    const found = staysInside(path) ? await stat(file).catch(() => undefined) : undefined
    if (!found?.isFile()) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-length': found.size })
    createReadStream(file)
      .on('error', () => response.destroy())
      .pipe(response)
  })
}
