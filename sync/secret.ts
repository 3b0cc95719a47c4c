import { readFile } from 'node:fs/promises'
import { SyncError, type SyncErrorCode } from './errors.ts'

/** Where a secret is: never in the config itself, and read anew whenever it is used. */
export type Secret = { readonly file: string } | { readonly env: string }

/** The secret itself; rejects with `code` where it is not there: without it nobody is let in. */
export async function readSecret(
  secret: Secret,
  code: SyncErrorCode = 'UPLINK_DENIED',
): Promise<string> {
  if ('file' in secret) return (await readText(secret.file, code)).trimEnd()
  const value = process.env[secret.env]
  if (value !== undefined) return value
  throw new SyncError(code, `The environment has no variable ${secret.env}`, {
    hint: `Set ${secret.env} for the service, or name a file that holds the secret.`,
  })
}

/** A certificate or a key, as text; rejects with `code` where it cannot be read. */
export async function readText(
  file: string,
  code: SyncErrorCode = 'UPLINK_DENIED',
): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new SyncError(code, `Cannot read ${file}`, {
      cause,
      hint: 'Check that the file is there and that the user of the service may read it.',
    })
  }
}
