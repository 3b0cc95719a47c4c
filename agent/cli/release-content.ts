import { readFile, stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { parse } from 'yaml'
import { MAX_ARCHIVE_BYTES, packBundle, readBundle } from '../../models/bundle/archive.ts'
import { loadBundle } from '../../models/bundle/load.ts'
import type { ReleaseKind } from '../../models/release/release.ts'
import { parseDbc } from '../../sensors/dbc/parse.ts'
import { AgentError } from '../error.ts'
import { campaignsSchema } from '../updates/with-releases.ts'

/** Campaigns and DBC files beyond this are none. */
const MAX_TEXT_BYTES = 16 << 20

/** A file that was checked to be what it shall be released as. */
export interface ReleaseContent {
  readonly bytes: Buffer
  /** What it calls itself. */
  readonly name: string
  readonly version: string | undefined
}

/** Reads and checks what is to be released: nothing that no vehicle could load is signed. */
export async function readContent(kind: ReleaseKind, path: string): Promise<ReleaseContent> {
  const status = await stat(path).catch((error) => {
    throw new AgentError('USAGE', `${path}: ${error.message}`, { cause: error })
  })
  const limit = kind === 'bundle' ? MAX_ARCHIVE_BYTES : MAX_TEXT_BYTES
  if (status.isFile() && status.size > limit) {
    throw new AgentError('USAGE', `${path} has ${status.size} bytes, at most ${limit} are released`)
  }
  if (kind === 'bundle') return readBundleContent(path, status.isDirectory())
  const bytes = await readFile(path)
  if (kind === 'dbc') parseDbc(bytes, path)
  else checkCampaigns(bytes, path)
  return { bytes, name: nameOf(path), version: undefined }
}

async function readBundleContent(path: string, isFolder: boolean): Promise<ReleaseContent> {
  const bytes = isFolder ? await packBundle(path) : await readFile(path)
  const { manifest, hash } = isFolder ? loadBundle(path) : await readBundle(bytes)
  // The hash of the manifest stands for a bundle everywhere, so it may stand for its version too.
  return { bytes, name: manifest.name, version: hash.slice(0, 12) }
}

function checkCampaigns(bytes: Buffer, path: string): void {
  let content: unknown
  try {
    content = parse(bytes.toString('utf8'))
  } catch (error) {
    throw new AgentError('USAGE', `${path}: ${(error as Error).message}`, { cause: error })
  }
  const { error } = campaignsSchema.safeParse(content)
  if (!error) return
  const [issue] = error.issues
  throw new AgentError('USAGE', `${path}: ${issue.path.join('.') || 'file'}: ${issue.message}`, {
    hint: 'Write them as in a config: `campaigns:`, then a list.',
  })
}

function nameOf(path: string): string {
  return basename(path, extname(path)).toLowerCase()
}
