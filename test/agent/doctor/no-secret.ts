import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { extract } from 'tar'

/** The forms in which a secret may lie in a text. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  return [
    secret,
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('hex'),
    encodeURIComponent(secret),
  ]
}

/** Every file of a support archive as one text. */
export async function archiveText(file: string, cwd: string): Promise<string> {
  await extract({ file, cwd })
  const [folder] = readdirSync(cwd)
  return readdirSync(join(cwd, folder))
    .map((name) => readFileSync(join(cwd, folder, name), 'utf8'))
    .join('\n')
}

export function assertWithout(secrets: readonly string[], what: string, text: string): void {
  for (const form of secrets.flatMap(formsOf)) {
    const at = text.indexOf(form)
    assert.equal(at, -1, `${what} has ${form}: ${text.slice(at - 60, at + 60)}`)
  }
}
