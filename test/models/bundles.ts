import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { bundleHash, sha256Of } from '../../models/bundle/canonical.ts'
import type { Manifest } from '../../models/bundle/manifest.ts'
import { tempDir } from '../support/temp-dir.ts'

export const CAR_SENSOR: string = fileURLToPath(
  new URL('../../models/bundles/car-sensor', import.meta.url),
)

/** A copy of a bundle, to be spoiled. */
export function copyOfBundle(context: TestContext, from = CAR_SENSOR): string {
  const dir = join(tempDir(context), 'bundle')
  cpSync(from, dir, { recursive: true })
  return dir
}

/**
 * Changes a bundle and makes every hash right again, as someone would who wants the change to be
 * believed: what is then refused is refused for what it is.
 */
export function forge(
  dir: string,
  change: (manifest: Manifest) => void,
  files: Record<string, (content: Buffer) => string | Uint8Array> = {},
): void {
  const file = join(dir, 'manifest.json')
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest
  for (const [path, rewrite] of Object.entries(files)) {
    const content = rewrite(readFileSync(join(dir, path)))
    writeFileSync(join(dir, path), content)
    const entry = manifest.files.find((one) => one.path === path)
    if (entry)
      Object.assign(entry, { bytes: Buffer.byteLength(content), sha256: sha256Of(content) })
  }
  change(manifest)
  writeFileSync(file, JSON.stringify(manifest))
  writeFileSync(join(dir, 'bundle.sha256'), `${bundleHash(manifest)}\n`)
}
