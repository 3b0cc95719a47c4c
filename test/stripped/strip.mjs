import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { transform } from 'esbuild'

/**
 * Writes each of `files` (`.ts`, relative to the working directory) into `folder` as JavaScript, under
 * its own path, with a map back to its lines.
 */
export async function strip(files, folder) {
  const tsconfigRaw = readFileSync('tsconfig.json', 'utf8')
  for (const place of new Set(files.map(dirname)))
    mkdirSync(join(folder, place), { recursive: true })
  const one = async (file) => {
    const { code } = await transform(readFileSync(file, 'utf8'), {
      loader: 'ts',
      format: 'esm',
      target: `node${process.versions.node}`,
      tsconfigRaw,
      sourcemap: 'inline',
      sourcesContent: false,
      sourcefile: basename(file),
    })
    writeFileSync(join(folder, file), code)
  }
  await Promise.all(files.map(one))
}
