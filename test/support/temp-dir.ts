import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Folders of tests that have ended. */
const over: string[] = []

function sweep(): void {
  for (const dir of over.splice(0)) rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
}

process.once('exit', sweep)

/**
 * An empty folder for a test. It goes when the next one is asked for, or the process ends: what a test
 * stops at its end comes later among its hooks than this, and needs its folder until it stands.
 */
export function tempDir(t: { after(end: () => void): void }): string {
  sweep()
  const dir = mkdtempSync(join(tmpdir(), 'milepost-test-'))
  t.after(() => void over.push(dir))
  return dir
}
