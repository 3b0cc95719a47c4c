import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A disk of so many KiB, or undefined, which the test's report then says, where this user may not mount one. */
export function smallDisk(t: TestContext, kib: number): string | undefined {
  const disk = mkdtempSync(join(tmpdir(), 'milepost-disk-'))
  let mounted = false
  t.after(() => {
    if (mounted) execFileSync('umount', ['-l', disk])
    rmSync(disk, { recursive: true, force: true })
  })
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${kib}k`, 'milepost-test', disk]
    execFileSync('mount', options, { stdio: 'ignore' })
    mounted = true
    return disk
  } catch {
    t.diagnostic('1 case not tried: may not mount a tmpfs')
    return undefined
  }
}

/**
 * Makes a small disk larger, all at once. Where a large file is removed instead, its room comes back piece
 * by piece, and whoever writes meanwhile finds a disk of which each size in between is true.
 */
export function growDisk(disk: string, kib: number): void {
  execFileSync('mount', ['-o', `remount,size=${kib}k`, disk], { stdio: 'ignore' })
}

/** Takes what is left of a disk, to the last byte; answers the file that holds it. */
export function takeAll(disk: string): string {
  const hog = join(disk, 'hog')
  for (const bytes of [1024 ** 2, 4096, 512]) {
    try {
      for (;;) appendFileSync(hog, Buffer.alloc(bytes))
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
    }
  }
  return hog
}
