import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { writeDurably } from '../../models/durable.ts'

const held = z.strictObject({
  kind: z.enum(['campaign', 'dbc']),
  name: z.string().max(200),
  version: z.string().max(200),
  release: z.string().max(300),
  /** sha256 of the file, in the store of the release client. */
  file: z.string().regex(/^[0-9a-f]{64}$/),
  state: z.enum(['stored', 'refused']),
  reason: z.string().max(1000).optional(),
})

/** A campaign or DBC file that a release brought. */
export type Held = z.infer<typeof held>

/** One for each kind and name; a repository with more of them is not for one vehicle. */
const MAX_HELD = 256

/** The folder of everything that releases brought. */
export function releasesDir(dataDir: string): string {
  return join(dataDir, 'releases')
}

/** Where the release client keeps a file that it verified. */
export function storedFile(dataDir: string, sha256: string): string {
  return join(releasesDir(dataDir), 'store', sha256)
}

/** What is held on this vehicle; nothing where the list is not there or was damaged. */
export function readHeld(dataDir: string): Held[] {
  try {
    return z.array(held).parse(JSON.parse(readFileSync(listFile(dataDir), 'utf8')))
  } catch {
    return []
  }
}

export function writeHeld(dataDir: string, list: readonly Held[]): void {
  mkdirSync(releasesDir(dataDir), { recursive: true, mode: 0o750 })
  writeDurably(listFile(dataDir), `${JSON.stringify(list.slice(-MAX_HELD), null, 1)}\n`)
}

function listFile(dataDir: string): string {
  return join(releasesDir(dataDir), 'held.json')
}
