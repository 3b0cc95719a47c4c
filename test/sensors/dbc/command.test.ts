import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { COMMAND } from '../../support/cli.ts'
import { casePath } from './vectors.ts'

const folder = mkdtempSync(join(tmpdir(), 'milepost-decode-'))
after(() => rmSync(folder, { recursive: true }))

const MUX = casePath('mux/mux.dbc')
const FLOATS = casePath('floats/floats.dbc')
const ORDERS = casePath('orders/orders.dbc')
const LOG = [
  '(1700000000.000001) can0 00000160#7012343800AABBCC',
  '(1700000000.000002) can1 258##0000000C0000000000000F07F',
  '(1700000000.000003) can0 200#FFFFFFFFFFFFFFFF',
  '(1700000000.000004) can0 200#0000000000000080',
  '(1700000000.000005) can0 7FF#00',
  'this is no frame',
  '(1700000000.000006) can0 200#R',
  '(1700000000.000007) can0 200#0102',
  '',
].join('\n')
const log = join(folder, 'drive.log')
writeFileSync(log, LOG)

function start(...args: string[]): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [...COMMAND, 'decode', ...args])
}

async function run(
  args: string[],
  input = '',
): Promise<{ out: string; err: string; code: number }> {
  const child = start(...args)
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const closed = once(child, 'close')
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = await closed
  return { out, err, code }
}

const lines = (out: string): unknown[] =>
  out.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line)) // biome-ignore format: one step

test('each known frame is one JSON line; the rest is counted', async () => {
  const { out, err, code } = await run(['--dbc', MUX, FLOATS, ORDERS, log])
  assert.equal(code, 0)
  assert.deepEqual(lines(out), [
    {
      timeUs: 1700000000000001,
      bus: 'can0',
      id: 352,
      ext: true,
      message: 'Simple',
      signals: { Page: 0, Always: 7, Speed: 0x3412 * 0.01, Torque: 0x3800 * 0.5 - 100 },
    },
    {
      timeUs: 1700000000000002,
      bus: 'can1',
      id: 600,
      ext: false,
      message: 'Intel',
      signals: { Single: -2, Double: 'Infinity' },
    },
    line(3, { Signed64: -1 }),
    line(4, { Signed64: '-9223372036854775808' }),
    line(7, {}),
  ])
  assert.match(err, /^7 frames, 5 decoded$/m)
  assert.match(err, /^1 frame of 1 unknown id$/m)
  assert.match(err, /^1 line skipped: no frame$/m)
  assert.match(err, /^1 error or remote frame skipped$/m)
  assert.match(err, /^1 frame too short/m)
})

function line(micro: number, signals: object): object {
  const timeUs = 1700000000000000 + micro
  return { timeUs, bus: 'can0', id: 512, ext: false, message: 'Both64', signals }
}

test('--raw, standard input, packed logs and any order of arguments', async () => {
  const packed = join(folder, 'drive.log.gz')
  writeFileSync(packed, gzipSync(LOG))
  const piped = await run(['--raw', '--dbc', MUX, '--dbc', ORDERS, '-'], LOG)
  assert.deepEqual((lines(piped.out)[0] as { signals: object }).signals, {
    Page: 0,
    Always: 7,
    Speed: 0x3412,
    Torque: 0x3800,
  })
  const others = [
    [packed, '--raw', '--dbc', MUX, ORDERS],
    ['--dbc', MUX, ORDERS, '--raw', log],
    ['--dbc', MUX, ORDERS, log, '--raw'],
  ]
  for (const args of others) assert.equal((await run(args)).out, piped.out, args.join(' '))
})

test('a DBC file that is refused ends with its line, its reason and a hint', async () => {
  const file = casePath('broken/too-short.dbc')
  const { out, err, code } = await run(['--dbc', file, log])
  assert.equal(code, 1)
  assert.equal(out, '')
  assert.ok(err.includes(`${file}:5: signal S does not fit into the 1 bytes of message M`), err)
  assert.match(err, /Next: Correct the length/)
})

test('a missing log, a missing DBC file and no log at all fail with a word', async () => {
  const noLog = await run(['--dbc', MUX, join(folder, 'none.log')])
  assert.equal(noLog.code, 1)
  assert.match(noLog.err, /LOG_UNREADABLE/)
  const noDbc = await run(['--dbc', join(folder, 'none.dbc'), log])
  assert.equal(noDbc.code, 1)
  assert.match(noDbc.err, /DBC_UNREADABLE/)
  assert.equal((await run(['--dbc', MUX])).code, 2)
})

test('lines come as the frames come, and an interrupt ends with the account', async () => {
  const child = start('--dbc', ORDERS, '-')
  const err = text(child.stderr)
  child.stdin.write(`${LOG.split('\n')[2]}\n`)
  const [first] = await once(child.stdout, 'data')
  assert.deepEqual(JSON.parse(first), line(3, { Signed64: -1 }))
  const closed = once(child, 'close')
  child.kill('SIGINT')
  assert.deepEqual(await closed, [130, null])
  assert.match(await err, /^1 frame, 1 decoded$/m)
})

test('a reader that goes away ends the command in peace', async () => {
  const child = start('--dbc', ORDERS, '-')
  const err = text(child.stderr)
  child.stdin.on('error', () => {})
  const closed = once(child, 'close')
  child.stdout.once('data', () => child.stdout.destroy())
  const chunk = `${LOG.split('\n')[2]}\n`.repeat(5000)
  let open = true
  void closed.then(() => (open = false))
  while (open) {
    child.stdin.write(chunk)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.deepEqual(await closed, [0, null])
  assert.doesNotMatch(await err, /EPIPE|Error/)
})
