import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from 'tar'
import type { SupportFile } from './contents.ts'

/** A line of the list that is shown before a bundle is written. */
export interface SupportEntry {
  readonly name: string
  readonly what: string
  readonly bytes: number
  readonly secrets: number
  readonly positions: number
}

export function listOf(files: readonly SupportFile[]): SupportEntry[] {
  return files.map(({ name, what, text, secrets, positions }) => ({
    name,
    what,
    bytes: Buffer.byteLength(text),
    secrets,
    positions,
  }))
}

/** The bytes of a tar.gz with these files and their list, in one folder of the name given. */
export async function packSupport(files: readonly SupportFile[], folder: string): Promise<Buffer> {
  const dir = await mkdtemp(join(tmpdir(), 'milepost-support-'))
  try {
    const list = `${JSON.stringify(listOf(files), null, 2)}\n`
    const all = [
      ...files.map(({ name, text }) => ({ name, text })),
      { name: 'list.json', text: list },
    ]
    for (const { name, text } of all) await writeFile(join(dir, name), text, { mode: 0o600 })
    const file = join(dir, 'bundle.tar.gz')
    const names = all.map(({ name }) => name)
    await create({ gzip: true, file, cwd: dir, portable: true, prefix: folder }, names)
    return await readFile(file)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** `milepost-truck-17-20261125-141000`. */
export function supportName(vehicle: string, nowMs: number): string {
  const time = new Date(nowMs).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15)
  return `milepost-${vehicle}-${time}`
}
