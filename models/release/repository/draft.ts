import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ReleaseError } from '../errors.ts'
import { RELEASE_KINDS } from '../release.ts'
import { writeSecret } from './secret-file.ts'

/** Releases that wait in a draft. */
const MAX_DRAFT = 1_000

const draftSchema = z.object({
  add: z
    .array(
      z.object({
        kind: z.enum(RELEASE_KINDS),
        name: z.string(),
        version: z.string(),
        path: z.string(),
        length: z.int().min(0),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .max(MAX_DRAFT),
  /** Paths that shall no longer be approved. */
  withdraw: z.array(z.string()).max(MAX_DRAFT),
})

export type Draft = z.infer<typeof draftSchema>
export type DraftRelease = Draft['add'][number]

/**
 * What is to be signed next lies beside the keys, never in the repository: what a stranger writes into
 * a bucket must not be signed because it was there.
 */
export async function readDraft(keysDir: string): Promise<Draft> {
  const path = draftPath(keysDir)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return { add: [], withdraw: [] }
  try {
    return draftSchema.parse(JSON.parse(text))
  } catch (error) {
    throw new ReleaseError('RELEASE_INPUT', `${path} is no draft`, {
      cause: error,
      hint: 'Remove it, and add the releases again.',
    })
  }
}

export function writeDraft(keysDir: string, draft: Draft): Promise<void> {
  return writeSecret(draftPath(keysDir), `${JSON.stringify(draft, null, 2)}\n`)
}

function draftPath(keysDir: string): string {
  return join(keysDir, 'draft.json')
}
