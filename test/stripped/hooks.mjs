import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../..', import.meta.url).href
const FOLDER = new URL(import.meta.url).searchParams.get('folder')

/** A source of the checkout is what it was when the run began; all else is Node.js'. */
export async function load(url, context, next) {
  if (!url.startsWith(ROOT) || !url.endsWith('.ts')) return next(url, context)
  const path = fileURLToPath(url).slice(fileURLToPath(ROOT).length)
  return { format: 'module', source: readFileSync(join(FOLDER, path)), shortCircuit: true }
}
