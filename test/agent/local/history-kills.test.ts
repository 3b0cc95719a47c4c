import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { findBlocks, unpackBlock } from '../../../agent/local/history/block.ts'
import { segmentFiles } from '../../../agent/local/history/segments.ts'
import { tierDir } from '../../../agent/local/history/tiers.ts'
import { randomOf } from '../../../models/training/random.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { TYPESCRIPT } from '../../support/typescript.ts'

const KILLS = 6
const MAX_LIFE_MS = 300

/** The numbers in the finest tier, in the order of its files. */
async function numbersIn(dir: string): Promise<number[]> {
  const found: number[] = []
  for (const path of segmentFiles(tierDir(dir, 'full'))) {
    const segment = readFileSync(path)
    for (const head of findBlocks(segment).heads) {
      const [series] = await unpackBlock(segment, head, (name) => name === 'n')
      found.push(...series.last)
    }
  }
  return found
}

test(`killed ${KILLS} times while it writes, the history has all that was in files, in order`, async (t) => {
  const dir = tempDir(t)
  const random = randomOf(20_261_126)
  let first = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const program = join(import.meta.dirname, 'history-writer.ts')
    const args = [...TYPESCRIPT, program, dir, String(first)]
    const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(writer, 'exit')
    let kept = 0
    const lines = createInterface({ input: writer.stdout })
    lines.on('line', (line) => {
      kept = Number(line)
    })
    await once(lines, 'line')
    await sleep(random() * MAX_LIFE_MS)
    writer.kill('SIGKILL')
    assert.deepEqual(await ended, [null, 'SIGKILL'])
    const numbers = await numbersIn(dir)
    const gap = numbers.findIndex((n, i) => n !== i)
    assert.equal(gap, -1, `life ${kill}: ${numbers[gap]} stands where ${gap} belongs`)
    assert.ok(numbers.length >= first + kept, `${numbers.length} of ${first + kept}, life ${kill}`)
    first = numbers.length
  }
  t.diagnostic(`${first} readings`)
})
