import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

function packageRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (dirname(folder) === folder) throw new Error(`no package.json above ${from}`)
  }
}

/**
 * The folder with central's poms, Java sources and properties: in the checkout, also when the
 * compiled code runs from `dist`, where none of them are.
 */
export const CENTRAL_HOME = join(
  packageRoot(dirname(fileURLToPath(import.meta.url))),
  'deploy/central',
)
