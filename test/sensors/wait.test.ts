import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { stopUnder } from '../../sensors/wait.ts'

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

describe('stopUnder', () => {
  it('aborts with what is above, for the same reason', () => {
    const outer = new AbortController()
    const stop = stopUnder(outer.signal)
    const reason = new Error('the agent stops')
    outer.abort(reason)
    assert.equal(stop.signal.aborted, true)
    assert.equal(stop.signal.reason, reason)
    assert.equal(listeners(outer.signal), 0)
  })

  it('is aborted from the start where what is above is', () => {
    const stop = stopUnder(AbortSignal.abort('over'))
    assert.equal(stop.signal.reason, 'over')
  })

  it('ends alone, and nothing above holds it then', () => {
    const outer = new AbortController()
    const stop = stopUnder(outer.signal)
    assert.equal(listeners(outer.signal), 1)
    stop.abort()
    assert.equal(outer.signal.aborted, false)
    assert.equal(listeners(outer.signal), 0)
  })

  it('leaves nothing behind, however often and with whatever listens', async () => {
    const outer = new AbortController()
    const grown = await heapGrowth(60_000, () => {
      const stop = stopUnder(outer.signal)
      const much = new Array(100).fill(0)
      stop.signal.addEventListener('abort', () => much.pop())
      stop.abort()
    })
    // Code that is compiled meanwhile is some 500 KB; the notes of `AbortSignal.any` would be 4 MB.
    assert.ok(grown < 1_500_000, `${grown} bytes`)
  })
})

/** Bytes more in use after `work` was done so often than when it had been done for a while. */
async function heapGrowth(times: number, work: () => void): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const used = async () => {
    for (let i = 0; i < 4; i++) {
      collect()
      await turn()
    }
    return process.memoryUsage().heapUsed
  }
  const many = async (count: number) => {
    for (let i = 0; i < count; i++) {
      work()
      if (i % 500 === 0) await turn()
    }
  }
  await many(1_000)
  const before = await used()
  await many(times)
  return (await used()) - before
}
