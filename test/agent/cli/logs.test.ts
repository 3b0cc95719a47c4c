import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { LogInput } from '../../../agent/cli/log-input.ts'
import { paceText } from '../../../agent/cli/progress.ts'
import { COMMAND, Milepost, ROOT } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'

const FRAME = '(1767595515.621333) can0 160#FFA3FFDCFF92FF84'

test('a drive that is stopped by Ctrl-C is a whole file up to there', async (t) => {
  const out = join(tempDir(t), 'drive.log.gz')
  const command = new Milepost(['simulate', '--seconds', '1e6', '--out', out])
  t.after(() => command.child.kill('SIGKILL'))
  await until('a beginning of the drive', () => {
    return (statSync(out, { throwIfNoEntry: false })?.size ?? 0) > 100_000
  })
  command.child.kill('SIGINT')
  const { code, stderr } = await command.finished
  assert.equal(code, 130)
  const lines = gunzipSync(readFileSync(out)).toString().split('\n')
  assert.equal(lines.pop(), '')
  for (const line of lines) assert.match(line, /^\(\d+\.\d{6}\) can0 [0-9A-F]+##?[0-9A-F]*$/)
  const [, frames] = /^([\d,]+) frames, stopped after [\d.]+ s, [\d.]+ km$/m.exec(stderr) ?? []
  assert.equal(Number(frames?.replaceAll(',', '')), lines.length)
})

for (const command of ['decode', 'convert']) {
  test(`${command} from a pipe that is stopped says what it had, and no line is called wrong`, async (t) => {
    const dbc = command === 'decode' ? ['--dbc', 'sensors/simulator/vehicle.dbc'] : []
    const args = [...COMMAND, command, ...dbc, '-']
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'] })
    t.after(() => child.kill('SIGKILL'))
    let [written, said] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text) => {
      written += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text
    })
    const ended = once(child, 'close')
    child.stdin.write(`${`${FRAME}\n`.repeat(3)}${FRAME.slice(0, 30)}`)
    await until('the frames', () => written.split('\n').length > 3)
    child.kill('SIGINT')
    assert.deepEqual(await ended, [130, null])
    assert.match(said, /3 frames/)
    assert.doesNotMatch(said, /skipped/)
  })
}

test('how far a reading of several logs is, is told by the bytes of their files', async (t) => {
  const dir = tempDir(t)
  const logs = [1, 3].map((share) => {
    const path = join(dir, `${share}.log`)
    writeFileSync(path, `${FRAME}\n`.repeat(share * 2000))
    return path
  })
  const input = new LogInput(logs, new AbortController().signal)
  const parts = []
  for (const log of logs) {
    for await (const _ of input.read(log, () => {})) parts.push(input.part!)
    parts.push(input.part!)
  }
  assert.deepEqual(
    parts,
    parts.toSorted((a, b) => a - b),
  )
  assert.ok(parts.includes(0.25))
  assert.equal(parts.at(-1), 1)
  assert.equal(new LogInput(['-'], new AbortController().signal).part, undefined)
  assert.equal(paceText(1200, 'frame', 3000, 0.25), '1,200 frames  400/s  25 %  9 s left')
  assert.equal(paceText(1, 'frame', 1000), '1 frame  1/s')
})

test('a log that cannot be looked at is told by the reading, as unreadable', async () => {
  const tooLong = 'x'.repeat(300)
  const input = new LogInput([tooLong], new AbortController().signal)
  await assert.rejects(input.read(tooLong, () => {}).next(), { code: 'LOG_UNREADABLE' })
})
