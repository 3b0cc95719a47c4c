import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { extract } from 'tar'
import { stringify } from 'yaml'
import { Agent } from '../../../agent/agent.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { socketPath } from '../../../agent/control/socket-path.ts'
import { makeLogger } from '../../../agent/log.ts'
import { Milepost, milepost } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { PLACES, plant, secrets, traces } from './planted.ts'

/** Unpacks a bundle; answers the text of each file. */
async function unpacked(
  t: Parameters<typeof tempDir>[0],
  file: string,
): Promise<Map<string, string>> {
  const dir = tempDir(t)
  await extract({ file, cwd: dir })
  const [folder] = readdirSync(dir)
  return new Map(
    readdirSync(join(dir, folder)).map((name) => [
      name,
      readFileSync(join(dir, folder, name), 'utf8'),
    ]),
  )
}

test('a set-up full of planted secrets: none is found in its bundle', async (t) => {
  process.env.MILEPOST_PLANTED_PASSWORD = secrets.env
  t.after(() => {
    delete process.env.MILEPOST_PLANTED_PASSWORD
  })
  const { dir, file, log, keyLines } = await plant(t)
  const place = ['-c', file, '--data-dir', join(dir, 'data'), '--log', log]
  // The config is broken, so that its folder must be named: whoever needs help has such.
  const tar = join(dir, 'out.tar.gz')
  const made = new Milepost(['bundle', '-c', file, '--log', log, '--yes', '-o', tar])
  const { code, stderr } = await made.finished
  assert.equal(code, 0, stderr)
  assert.equal(statSync(tar).mode & 0o777, 0o600)
  const files = [await unpacked(t, tar)]
  // The data folder of a config that cannot be read is not known; named by hand it is.
  const other = join(dir, 'other.tar.gz')
  const named = await milepost('bundle', ...place, '--yes', '-o', other)
  assert.equal(named.code, 0, named.stderr)
  files.push(await unpacked(t, other))
  for (const texts of files) {
    for (const [name, text] of texts) {
      for (const secret of [...traces(), ...keyLines, ...PLACES]) {
        const at = text.indexOf(secret)
        assert.equal(at, -1, `${name} has ${secret}: ${text.slice(at - 40, at + 80)}`)
      }
      assert.ok(!/BEGIN [A-Z ]*PRIVATE KEY/.test(text), name)
    }
  }
  const [first, second] = files
  // What helps is there all the same.
  assert.match(first.get('config.yaml') ?? '', /vehicle: truck-17/)
  assert.match(first.get('config.yaml') ?? '', /file: .*sasl/)
  assert.match(first.get('log.txt') ?? '', /usb-CANable_0042/)
  assert.match(first.get('doctor.json') ?? '', /CONFIG_INVALID/)
  assert.match(second.get('events.json') ?? '', /801\.25/)
  assert.match(second.get('history.json') ?? '', /Engine\.Rpm/)
  assert.ok(!/GPS\.Latitude"[^}]*"points"/.test(second.get('history.json') ?? ''))
  const list = JSON.parse(second.get('list.json') ?? '[]') as { name: string; secrets: number }[]
  assert.ok((list.find(({ name }) => name === 'log.txt')?.secrets ?? 0) > 5)
})

test('its list is shown before it is written, and nobody is skipped over', async (t) => {
  const { dir, file, log } = await plant(t)
  const before = readdirSync(dir).length
  const [list, refused] = await Promise.all([
    milepost('bundle', '-c', file, '--log', log, '--json'),
    milepost('bundle', '-c', file, '--log', log, '-o', join(dir, 'x.tar.gz')),
  ])
  const names = (JSON.parse(list.stdout) as { name: string }[]).map(({ name }) => name)
  assert.ok(
    ['config.yaml', 'doctor.json', 'log.txt', 'status.json'].every((n) => names.includes(n)),
  )
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /config\.yaml/)
  assert.match(refused.stderr, /add --yes/)
  assert.equal(readdirSync(dir).length, before)
})

test('the agent itself makes one for the page', async (t) => {
  const dir = tempDir(t)
  const file = join(dir, 'milepost.yaml')
  const sensors = [{ id: 'sim', kind: 'simulator', speed: 10 }]
  writeFileSync(file, stringify({ vehicle: 'truck-1', dataDir: join(dir, 'data'), sensors }))
  const agent = await Agent.start(loadConfig(file), makeLogger('silent'))
  t.after(() => agent.stop())
  const { request } = await import('node:http')
  const tar = join(dir, 'page.tar.gz')
  await new Promise<void>((done, failed) => {
    const call = request(
      { socketPath: socketPath(join(dir, 'data')), path: '/bundle' },
      async (response) => {
        assert.equal(response.headers['content-type'], 'application/gzip')
        assert.match(response.headers['content-disposition'] ?? '', /milepost-truck-1-.*\.tar\.gz/)
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk)
        writeFileSync(tar, Buffer.concat(chunks))
        done()
      },
    )
    call.on('error', failed)
    call.end()
  })
  const files = await unpacked(t, tar)
  assert.match(files.get('status.json') ?? '', /"vehicle": "truck-1"/)
})
