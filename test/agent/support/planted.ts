import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { EventFiles } from '../../../agent/local/event-files.ts'
import { WriteBudget } from '../../../agent/local/history/budget.ts'
import { Recorder } from '../../../agent/local/history/recorder.ts'
import { ReadingBatch } from '../../../sensors/reading.ts'
import { Authority } from '../../support/certificates.ts'
import { ROOT } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'

const LAT = '52.516273'
const LON = '13.377704'
/** What must be nowhere in a bundle: places in every way of writing them that was planted. */
export const PLACES = [
  '52.5162',
  '13.3777',
  '5230.97',
  '01322.66',
  '52°30',
  '48.137154',
  '11.576124',
]

/** Secrets as people and programs make them. */
export const secrets = {
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
export function traces(): string[] {
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

export interface Planted {
  readonly dir: string
  readonly file: string
  readonly log: string
  readonly keyLines: string[]
}

export async function plant(t: Parameters<typeof tempDir>[0]): Promise<Planted> {
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
