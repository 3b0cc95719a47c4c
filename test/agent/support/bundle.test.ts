import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { extract } from 'tar'
import { stringify } from 'yaml'
import { Agent } from '../../../agent/agent.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { socketPath } from '../../../agent/control/socket-path.ts'
import { EventFiles } from '../../../agent/local/event-files.ts'
import { WriteBudget } from '../../../agent/local/history/budget.ts'
import { Recorder } from '../../../agent/local/history/recorder.ts'
import { makeLogger } from '../../../agent/log.ts'
import { Redactor } from '../../../agent/support/redact.ts'
import { ReadingBatch } from '../../../sensors/reading.ts'
import { Authority } from '../../support/certificates.ts'
import { Milepost, milepost, ROOT, tempDir } from '../../support/cli.ts'

const LAT = '52.516273'
const LON = '13.377704'
/** What must be nowhere in a bundle: places in every way of writing them that was planted. */
const PLACES = ['52.5162', '13.3777', '5230.97', '01322.66', '52°30', '48.137154', '11.576124']

/** Secrets as people and programs make them. */
const secrets = {
  saslPassword: 'Tr0ub4dor&3 "quoted"\\back',
  token: randomBytes(24).toString('base64'),
  readToken: randomBytes(32).toString('hex'),
  plain: 'correct-horse',
  urlPassword: 'p@ss:w/rd!',
  jwt: `eyJhbGciOiJIUzI1NiJ9.${randomBytes(30).toString('base64url')}.${randomBytes(20).toString('base64url')}`,
  awsKey: 'AKIAIOSFODNN7EXAMPLE',
  awsSecret: randomBytes(30).toString('base64'),
  unknownKey: 'hunter2-in-a-typo',
  env: `env-${randomBytes(12).toString('hex')}`,
  header: randomBytes(18).toString('base64url'),
  body: 'unlock-code-4711',
}

/** Every secret in every form that something might write it in. */
function traces(): string[] {
  return Object.values(secrets).flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    Buffer.from(secret).toString('hex'),
  ])
}

function logText(keyPem: string): string {
  const { token, plain, urlPassword, jwt, awsKey, awsSecret, header, saslPassword } = secrets
  const url = `mqtts://truck:${urlPassword}@depot.example:8883/x`
  return [
    `{"level":30,"msg":"connecting to ${url}"}`,
    `connect kafka://u:${encodeURIComponent(urlPassword)}@broker:9092?token=${token}&x=1`,
    `Authorization: Bearer ${header}`,
    `curl -H "authorization: Basic ${Buffer.from(`u:${plain}`).toString('base64')}"`,
    `password=${plain}, user=truck`,
    `sasl.jaas.config=org.apache Plain required username="u" password="${plain}";`,
    JSON.stringify({ password: saslPassword, secret_key: awsSecret, user: 'truck' }),
    `hex of it: ${Buffer.from(plain).toString('hex')}`,
    `aws ${awsKey} ${awsSecret}`,
    `got ${jwt} from the depot`,
    `key: ${keyPem.replace(/\n/g, '\\n')}`,
    keyPem,
    '$GPRMC,123519,A,5230.9764,N,01322.6622,E,022.4,084.4,230394,003.1,W*6A',
    'fix 5230.9764,N,01322.6622,E of 7 satellites',
    `vehicle at ${LAT}, ${LON} heading north`,
    `latitude ${LAT} seen`,
    'stop near 52°30\'58.6"N 13°22\'39.7"E',
    'sensor engine is live at /dev/serial/by-id/usb-CANable_0042',
  ].join('\n')
}

interface Planted {
  readonly dir: string
  readonly file: string
  readonly log: string
  readonly keyLines: string[]
}

async function plant(t: Parameters<typeof tempDir>[0]): Promise<Planted> {
  const dir = tempDir(t)
  const data = join(dir, 'data')
  mkdirSync(data)
  const at = (name: string, text: string): string => {
    const path = join(dir, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const authority = await Authority.make(dir)
  const { cert, key } = await authority.sign('client')
  const keyPem = readFileSync(key, 'utf8')
  const config = {
    vehicle: 'truck-17',
    dataDir: data,
    sensors: [
      { id: 'sim', kind: 'simulator' },
      {
        id: 'depot',
        kind: 'mqtt',
        url: 'mqtt://127.0.0.1:1',
        username: 'truck',
        password: { env: 'MILEPOST_PLANTED_PASSWORD' },
        topics: [{ filter: 'a/#', format: 'json' }],
      },
    ],
    buses: { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] } },
    names: { 'GPS.Longitude': 'Vehicle.Secondary', 'Chassis.Speed': 'Vehicle.Speed' },
    campaigns: [{ id: 'fence', signals: ['*'], when: `Vehicle.Latitude > ${LAT}`, lane: 'events' }],
    uplink: {
      kind: 'kafka',
      brokers: ['127.0.0.1:1'],
      sasl: {
        mechanism: 'plain',
        username: 'truck',
        password: { file: at('sasl', `${secrets.saslPassword}\n`) },
      },
      tls: { ca: authority.file, cert, key },
    },
    web: { tokens: { read: { file: at('read-token', secrets.readToken) } } },
    updates: undefined,
    // What people write where it does not belong.
    uplnk: { passwrd: secrets.unknownKey },
    notes: [`the wifi is ${secrets.unknownKey}`],
  }
  const file = at(
    'milepost.yaml',
    `# the old password was ${secrets.unknownKey}\n${stringify(config)}`,
  )
  await plantEvents(data)
  await plantHistory(data)
  const log = at('agent.log', logText(keyPem))
  const keyLines = keyPem.split('\n').filter((line) => line.length > 20 && !line.startsWith('---'))
  return { dir, file, log, keyLines }
}

async function plantEvents(data: string): Promise<void> {
  const [lat, lon] = [Number(LAT), Number(LON)]
  const contents: [type: string, content: Record<string, unknown>][] = [
    [
      'capture',
      {
        campaign: 'fence',
        cause: { when: `Vehicle.Latitude > ${LAT}`, values: { 'Vehicle.Latitude': lat } },
        signals: {
          'GPS.Latitude': { unit: 'deg', offsetsUs: [0, 1], values: [lat, lat] },
          VehLongitude: { unit: 'deg', offsetsUs: [0], values: [lon] },
          'Vehicle.Secondary': { unit: '', offsetsUs: [0], values: [lon] },
          'Engine.Rpm': { unit: 'rpm', offsetsUs: [0], values: [801.25] },
        },
      },
    ],
    ['trigger', { campaign: 'x', signals: { nav_lat: lat, 'nmea.longitude': lon, Speed: 3 } }],
    [
      'inference',
      {
        model: 'm',
        event: 'begin',
        score: 2,
        threshold: 1,
        contributors: [
          { signal: 'GPS.Latitude', share: 1, value: lat, expected: lat, unit: 'deg' },
        ],
      },
    ],
    ['operated', { summary: 'unlock', who: 'uid 0', call: { body: { code: secrets.body } } }],
    ['note', { text: `parked at ${LAT},${LON}`, token: secrets.token, nested: { lat, lng: lon } }],
  ]
  const lines = contents.map(([type, content], i) =>
    JSON.stringify({ id: i + 1, lane: 'events', type: `milepost.${type}.v1`, timeUs: 1, content }),
  )
  await new EventFiles(data).append(`${lines.join('\n')}\n`, 1)
}

async function plantHistory(data: string): Promise<void> {
  const names = ['GPS.Latitude', 'nav_lon', 'Vehicle.Secondary', 'Engine.Rpm', 'Elsewhere']
  const units = ['deg', '', '', 'rpm', 'degrees']
  const values = [Number(LAT), Number(LON), 48.137154, 801.25, 11.576124]
  const recorder = new Recorder({
    dataDir: data,
    maxBytes: 1 << 22,
    budget: new WriteBudget(1e9, () => 0),
    spansUs: { full: 6e8, '1s': 6e9, '10s': 6e9 },
    signalAt: (i) => ({ name: names[i], unit: units[i] }),
    failed: (error) => assert.fail(String(error)),
  })
  const batch = new ReadingBatch()
  for (const [i, value] of values.entries()) batch.push(i, value, Date.now() * 1000 - 5e6)
  recorder.add(batch, new Int32Array(8))
  await recorder.close()
}

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

test('random secrets in random surroundings are taken out in every form', () => {
  const secret = fc.string({ minLength: 6, maxLength: 40 }).filter((s) => s.trim().length >= 6)
  fc.assert(
    fc.property(secret, fc.string(), fc.string(), (raw, before, after) => {
      const value = raw.trim()
      const redactor = new Redactor([value], [])
      const text = `${before} ${value} ${encodeURIComponent(value)} ${JSON.stringify(value)} ${Buffer.from(value).toString('base64')} ${after}`
      const clean = redactor.text(text)
      const spared = `${before} ${after} [secret] [position]`
      assert.ok(!clean.includes(value) || spared.includes(value), clean)
    }),
    { numRuns: 300 },
  )
})

test('what openssl rand writes is taken out of a log, also where nobody says that it is a secret', () => {
  let found = 0
  for (let i = 0; i < 2_000; i++) {
    const bytes = createHash('sha256').update(`seed ${i}`).digest()
    const token = bytes.subarray(0, 24).toString(i % 2 ? 'base64' : 'base64url')
    if (!new Redactor([], []).text(`sent ${token} to it`).includes(token)) found++
  }
  assert.ok(found >= 1_998, `${found} of 2000`)
})

test('what is no secret and no place stays readable', () => {
  const hash = 'a'.repeat(64)
  const redactor = new Redactor([], [hash])
  const same = [
    `bundle ${hash} is in use`,
    '/var/lib/milepost/history/full/00000001.mpr could not be read',
    'sensor engine-left is recovering: DEVICE_MISSING',
    'EngineTemp.Coolant 64.4375 degC, Engine.Rpm 801.25',
    '2026-11-25T21:23:16.088Z 321 frames/s',
    'https://releases.example.com/fleet answers 404',
    'the clock jumped by 1764105796.25 s',
  ]
  for (const line of same) assert.equal(redactor.text(line), line)
})
