import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { Buses } from '../../agent/buses.ts'
import { parseConfig } from '../../agent/config/load.ts'
import { loadDecoder } from '../../agent/decoding.ts'
import { Names } from '../../agent/names/names.ts'
import { SignalCatalog } from '../../sensors/reading.ts'
import { ROOT } from '../support/cli.ts'

test('a sensor whose bus has no entry is warned of, with its line, where others have DBC files', async () => {
  const warned = async (bus: string, dbc: string): Promise<string[]> => {
    const text = `vehicle: v
sensors:
  - id: sim
    kind: simulator
    bus: ${bus}
buses: { can0: { dbc: [${dbc}] } }
`
    const config = parseConfig(text, '/etc/milepost.yaml')
    const lines: string[] = []
    const log = pino({}, { write: (line: string) => lines.push(JSON.parse(line).msg) })
    await loadDecoder(config, new Buses(), new SignalCatalog(), new Names(config, log), log)
    return lines
  }
  const dbc = `${ROOT}/sensors/simulator/vehicle.dbc`
  assert.deepEqual(await warned('cann0', dbc), [
    '/etc/milepost.yaml:5: no DBC file is given for bus cann0; did you mean "can0"?',
  ])
  assert.deepEqual(await warned('can0', dbc), [])
  assert.deepEqual(await warned('cann0', ''), [])
})
