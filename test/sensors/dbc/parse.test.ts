import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { DbcError } from '../../../sensors/dbc/dbc-error.ts'
import { loadDbc, parseDbc } from '../../../sensors/dbc/parse.ts'
import { casePath } from './vectors.ts'

const load = (name: string) => loadDbc(casePath(`${name}/${name}.dbc`))

interface Expected {
  readonly code: string
  readonly line: number
  readonly reason: string
}

const broken: Record<string, Expected> = JSON.parse(
  readFileSync(casePath('broken/expected.json'), 'utf8'),
)

for (const [name, { code, line, reason }] of Object.entries(broken)) {
  test(`broken/${name} is refused with line and reason`, () => {
    const file = `broken/${name}.dbc`
    assert.throws(
      () => parseDbc(readFileSync(casePath(file)), file),
      (error) => {
        assert.ok(error instanceof DbcError)
        assert.equal(error.code, code)
        assert.equal(error.line, line)
        assert.ok(error.reason.includes(reason), error.reason)
        assert.equal(error.message, `${file}:${line}: ${error.reason}`)
        assert.ok(error.hint)
        return true
      },
    )
  })
}

/** Real files that must be refused, and where; cantools refuses them too, but for `empty_ns`. */
const REAL: Readonly<Record<string, [line: number, reason: RegExp]>> = {
  'cantools/bad_message_length.dbc': [40, /Signal1 does not fit into the 1 bytes/],
  'cantools/empty_ns.dbc': [9, /describing anything/],
  'cantools/issue_199.dbc': [45, /more than 11 bits/],
  'cantools/issue_199_extended.dbc': [45, /more than 29 bits/],
  'opendbc/test.dbc': [24, /expected the signal's name, found "64"/],
}

test('real broken files are refused with line and reason, all others are taken', () => {
  const folder = new URL('../../../../shared/data/can/dbc/', import.meta.url)
  if (!existsSync(folder)) {
    console.log(`# ${Object.keys(REAL).length} broken real DBC files not found`)
    return
  }
  for (const [file, [line, reason]] of Object.entries(REAL)) {
    const parse = () => parseDbc(readFileSync(new URL(file, folder)), file)
    assert.throws(parse, (error) => error instanceof DbcError && error.line === line)
    assert.throws(parse, reason)
  }
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const files = all.filter((file) => file.endsWith('.dbc') && !(file in REAL))
  assert.ok(files.length > 50)
  for (const file of files) parseDbc(readFileSync(new URL(file, folder)), file)
})

test('a file that is not there is told by name, with a hint', async () => {
  await assert.rejects(loadDbc('/nowhere/car.dbc'), {
    code: 'DBC_UNREADABLE',
    message: /\/nowhere\/car\.dbc.*ENOENT/,
  })
})

test('comments, attributes, value tables, senders, groups and environment are read', async () => {
  const database = await load('texts')
  assert.equal(database.version, '1.0')
  assert.deepEqual(database.nodes, ['Engine', 'Gateway'])
  assert.equal(database.comment, 'First part, second "quoted" part')
  assert.equal(database.attributes.get('Kind'), 1)
  assert.deepEqual(database.environment, ['Ignition'])
  assert.deepEqual(
    [...database.valueTables.get('OnOff')!],
    [
      [1, 'on'],
      [0, 'off'],
    ],
  )
  assert.equal(database.messages.length, 1)
  const [message] = database.messages
  assert.equal(message.comment, 'What\nthe lamps show')
  assert.deepEqual(message.senders, ['Engine', 'Gateway'])
  assert.deepEqual(message.groups[0].signals, ['Lamp', 'Level'])
  const [lamp, level] = message.signals
  assert.equal(lamp.comment, 'The lamp')
  assert.equal(lamp.attributes.get('Weight'), 0.25)
  assert.equal(lamp.choices?.get(3), 'broken')
  assert.deepEqual(lamp.receivers, ['Gateway', 'Engine'])
  assert.deepEqual(level.receivers, [])
  assert.equal(level.choices?.get(-1), 'below')
  assert.deepEqual([level.minimum, level.maximum], [-10, 10])
  assert.deepEqual([lamp.minimum, lamp.maximum], [0, 1])
  assert.equal(lamp.line, 21)
})

test('Windows-1252 and UTF-8 are told apart by their bytes', async () => {
  const old = await load('cp1252')
  const [temperature, price] = old.messages[0].signals
  assert.equal(temperature.unit, '°C')
  assert.equal(price.unit, '€')
  assert.equal(temperature.comment, 'Fühler „außen“ – links')
  assert.equal(temperature.choices?.get(255), 'ungültig')
  const modern = await load('utf8')
  assert.deepEqual(
    modern.messages[0].signals.map((signal) => signal.unit),
    ['°C', 'µΩ→温'],
  )
})

test('a byte order mark is no content; UTF-16 is refused', () => {
  const text = 'BO_ 1 M: 1 A\n SG_ S : 0|8@1+ (1,0) [0|0] "" A\n'
  const utf8 = new TextEncoder().encode(`\ufeff${text}`)
  assert.equal(parseDbc(utf8, 'a.dbc').messages.length, 1)
  assert.equal(parseDbc(`\ufeff${text}`, 'a.dbc').messages.length, 1)
  assert.throws(() => parseDbc(Buffer.from(`\ufeff${text}`, 'utf16le'), 'a.dbc'), /UTF-16/)
})

test('long names replace short ones, multiplexers stay linked', async () => {
  const [message] = (await load('long-names')).messages
  assert.equal(message.name, 'EngineTemperaturesAndPressuresOfTheFirstBank')
  assert.equal(message.shortName, 'EngineTemperaturesAndPressuresO')
  const [temperature, page, short] = message.signals
  assert.equal(temperature.name, 'TemperatureOfTheCoolantBehindTheRadiator')
  assert.equal(short.mux?.multiplexer, page)
})

test('frame formats, cycle times and SPNs come from attributes and their defaults', async () => {
  const [eec1, , , exact] = (await load('j1939')).messages
  assert.deepEqual([eec1.id, eec1.ext, eec1.j1939, eec1.fd], [0xcf004fe, true, true, false])
  assert.equal(eec1.cycleTimeMs, 20)
  assert.equal(eec1.signals[0].spn, 190)
  assert.equal(eec1.signals[1].spn, undefined)
  assert.deepEqual([exact.j1939, exact.cycleTimeMs], [false, undefined])
  const [long, short, classic] = (await load('fd')).messages
  assert.deepEqual([long.fd, short.fd, classic.fd], [true, true, false])
})

test('what is doubtful but harmless is a warning with its line', async () => {
  const { warnings, messages } = await load('doubtful')
  assert.deepEqual(
    warnings.map(({ line, reason }) => `${line}: ${reason}`),
    [
      '17: signals Whole and Part of message Overlap overlap',
      '21: signal Beyond does not fit into the 4 bytes of message TooLong: left out',
      '25: signal Head of message Ring hangs on a multiplexer that is never read: left out',
      '26: signal Tail of message Ring hangs on a multiplexer that is never read: left out',
      '29: message Twins has a second signal Same: left out',
    ],
  )
  assert.deepEqual(
    messages.map((message) => message.signals.map((signal) => signal.name)),
    [['Whole', 'Part'], ['Fits'], ['Fits'], ['Same']],
  )
})

test('statements that are never needed for decoding are passed over', () => {
  const text = `BO_ 1 M: 1 A\n SG_ S : 0|8@1+ (1,0) [0|0] "" A\n
SGTYPE_ T : 8@1+ (1,0) [0|1] "" 0, OnOff;
SIG_TYPE_REF_ 1 S : T;
CAT_DEF_ 1 "c" 0;
BO_ 2 N: 1 A\n`
  const { messages } = parseDbc(Buffer.from(text), 'x.dbc')
  assert.deepEqual(messages.map(({ name }) => name).sort(), ['M', 'N'])
  assert.throws(() => parseDbc(Buffer.from(text.replace('T;', 'T')), 'x.dbc').messages, {
    code: 'DBC_SYNTAX',
  })
})

test('bit timing after BS_ and a string that ends in a backslash are taken', () => {
  const text = 'BS_: 500 : 1,2\nBO_ 1 M: 1 A\n SG_ S : 0|8@1+ (1,0) [0|0] "C:\\" A\n'
  assert.equal(parseDbc(text, 'a.dbc').messages[0].signals[0].unit, 'C:\\')
})

test('a multiplexed signal without its multiplexer is left out: it might be anything', () => {
  const signal = (name: string, at: number) => ` SG_ ${name} : ${at}|8@1+ (1,0) [0|0] "" A\n`
  const one = parseDbc(`BO_ 1 M: 8 A\n${signal('Fits', 0)}${signal('Lost m0', 8)}`, 'a.dbc')
  assert.deepEqual(
    one.messages[0].signals.map(({ name }) => name),
    ['Fits'],
  )
  assert.match(one.warnings[0].reason, /multiplexed, but there is no multiplexer/)
  const muxes = `${signal('A M', 0)}${signal('B M', 8)}${signal('C m0', 16)}${signal('D m0', 24)}`
  const two = parseDbc(`BO_ 1 M: 8 A\n${muxes}SG_MUL_VAL_ 1 D E 0-0;\n`, 'a.dbc')
  assert.deepEqual(
    two.messages[0].signals.map(({ name }) => name),
    ['A', 'B'],
  )
  assert.match(two.warnings[0].reason, /no SG_MUL_VAL_ says by which signal/)
  assert.match(two.warnings[1].reason, /multiplexed by E, which is no multiplexer/)
})
