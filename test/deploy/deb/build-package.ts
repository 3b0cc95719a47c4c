import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { TYPESCRIPT } from '../../support/typescript.ts'

const ROOT = join(import.meta.dirname, '../../..')

/**
 * Builds the package of this checkout for this machine into a folder; `MILEPOST_TEST_DEB` names one
 * that was built already, which is copied there. Answers its file name.
 */
export function buildPackage(folder: string, version: string): string {
  const given = process.env.MILEPOST_TEST_DEB
  if (given) {
    copyFileSync(given, join(folder, basename(given)))
    return basename(given)
  }
  const args = [...TYPESCRIPT, 'deploy/deb/main.ts', '--out', folder, '--version', version]
  const built = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
  assert.equal(built.status, 0, built.stderr)
  console.log(built.stderr.trim().replace(/^/gm, '# '))
  const name = readdirSync(folder).find((file) => file.includes(`_${version}_`))
  assert.ok(name)
  return name
}
