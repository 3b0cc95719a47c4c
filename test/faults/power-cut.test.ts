import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { randomOf } from '../../models/training/random.ts'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { LANES } from '../../sync/record.ts'
import { tempDir } from '../support/temp-dir.ts'
import { readAll } from '../sync/support.ts'
import { FileImage, type Op, opsOf, spawnTraced } from './disk-image.ts'

/** `POINTS=500 SEED=…` is the long run. */
const POINTS = Number(process.env.POINTS ?? 25)
const SEED = Number(process.env.SEED ?? 20261123)
/** The writer is stopped when its trace is so large. */
const TRACE_BYTES = 12 * 1024 ** 2
const FILES = ['o.db', 'o.db-wal'] as const

test(`the power goes at ${POINTS} points, and all that was said to be kept is there`, async (t) => {
  t.diagnostic(`SEED=${SEED}`)
  const folder = tempDir(t)
  if (process.platform !== 'linux') {
    t.diagnostic('1 case not tried: the trace is taken by LD_PRELOAD, which is Linux’s')
    return
  }
  const ops = await traced(folder)
  const random = randomOf(SEED)
  const first = ops.findIndex(({ name }) => name === 'said')
  assert.ok(first > 0, 'nothing was kept while the trace ran')
  const points = Array.from(
    { length: POINTS },
    () => first + 1 + Math.floor(random() * (ops.length - first - 1)),
  ).sort((a, b) => a - b)
  const disk = new Map(FILES.map((name) => [name as string, new FileImage()]))
  const promises = new Promises()
  let done = 0
  let checked = 0
  for (const [number, point] of points.entries()) {
    for (; done < point; done++) {
      const op = ops[done]
      if (op.name === 'said') promises.hear(op)
      else disk.get(op.name)?.do(op)
    }
    const path = join(folder, `cut-${number}`, 'o.db')
    mkdirSync(join(folder, `cut-${number}`))
    for (const name of FILES) {
      writeFileSync(join(folder, `cut-${number}`, name), disk.get(name)!.afterPowerCut(random))
    }
    checked += promises.check(path, `cut ${number} after operation ${point}`)
    rmSync(join(folder, `cut-${number}`), { recursive: true })
  }
  t.diagnostic(`${ops.length} operations traced, ${checked} records looked for`)
  assert.ok(checked > 0)
})

/** What the writer said: which records are kept, and up to where they may be gone. */
class Promises {
  readonly #kept: { seq: number; lane: (typeof LANES)[number] }[] = []
  readonly #released = { critical: 0, events: 0, telemetry: 0 }
  /** The lanes of what the writer appends now. */
  #tried = ''

  hear({ data }: Op): void {
    const [word, first, second] = data.toString().trim().split(' ')
    if (word === 'release') this.#released[first as 'events'] = Number(second)
    else if (word === 'tries') this.#tried = second
    else {
      assert.equal(word, 'kept', 'the writer says what is known here')
      assert.equal(Number(second) - Number(first) + 1, this.#tried.length)
      for (const [i, initial] of [...this.#tried].entries()) {
        const lane = LANES.find((name) => name.startsWith(initial))!
        this.#kept.push({ seq: Number(first) + i, lane })
      }
    }
  }

  /** Opens what the disk held; answers how many records had to be there, and were. */
  check(path: string, what: string): number {
    const outbox = Outbox.open({ path, vehicle: 'v1', bootId: 'b' })
    try {
      assert.equal(outbox.quarantined, undefined, `${what}: the file is corrupt`)
      const here = new Map(readAll(outbox).map((row) => [row.seq, row.lane]))
      const wanted = this.#kept.filter(({ seq, lane }) => seq > this.#released[lane])
      for (const { seq, lane } of wanted) {
        assert.equal(here.get(seq), lane, `${what}: record ${seq} is lost`)
      }
      return wanted.length
    } finally {
      outbox.close()
    }
  }
}

/** Lets a writer work under the eye of `trace.c`, kills it, and answers what it did. */
async function traced(folder: string): Promise<Op[]> {
  const work = join(folder, 'work')
  mkdirSync(work)
  const writer = fileURLToPath(new URL('../sync/outbox/writer.ts', import.meta.url))
  const { child, trace } = spawnTraced(folder, work, [writer, join(work, 'o.db'), String(SEED)])
  const ended = once(child, 'close')
  while ((statSync(trace, { throwIfNoEntry: false })?.size ?? 0) < TRACE_BYTES) {
    assert.equal(child.exitCode, null, 'the writer ended by itself')
    await sleep(20)
  }
  child.kill('SIGKILL')
  await ended
  return opsOf(readFileSync(trace))
}
