// `milepost setup` on CAN controllers: qemu's SJA1000 cards under the kernel's own driver, joined by a wire.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BITRATES, canInterfaces, tryInterface } from '../../../agent/setup/can.ts'
import { readInterface } from '../../../sensors/can/interface.ts'
import { cansend, ip, sh } from '../guest.ts'

const VEHICLE = 'can0'
const GATEWAY = 'can1'

interface Link {
  readonly operstate: string
  readonly linkinfo: {
    readonly info_data: {
      readonly bittiming: { readonly bitrate: number }
      readonly ctrlmode?: readonly string[]
    }
  }
}

const linkOf = (name: string): Link =>
  (JSON.parse(sh('ip', '-details', '-json', 'link', 'show', 'dev', name)) as Link[])[0]

test('a controller that is down is found, brought up listening, heard, and left up to take part', async (t) => {
  const names = canInterfaces()
  assert.ok(names.includes(VEHICLE) && names.includes(GATEWAY), names.join(', '))
  ip(`link set ${VEHICLE} type can bitrate 500000`)
  ip(`link set ${VEHICLE} up`)
  const talking = setInterval(() => {
    cansend('123#DEADBEEF', VEHICLE)
    cansend('456#0102', VEHICLE)
  }, 20)
  t.after(() => clearInterval(talking))
  const told: string[] = []
  const found = await tryInterface(GATEWAY, 8_000, AbortSignal.timeout(120_000), (what) =>
    told.push(what),
  )
  t.diagnostic(JSON.stringify({ found, told }))
  assert.equal(found.problem, undefined)
  // Emulated controllers know no bit times: any bitrate hears, so it is the first in whose time frames came.
  assert.ok(BITRATES.includes(found.bitrate ?? 0), `${found.bitrate}`)
  assert.equal(found.virtual, false)
  assert.ok(found.frames > 0)
  assert.equal(found.ids, 2)
  const { linkinfo } = linkOf(GATEWAY)
  assert.equal(linkinfo.info_data.bittiming.bitrate, found.bitrate)
  assert.ok(!linkinfo.info_data.ctrlmode?.includes('LISTEN-ONLY'), 'it acknowledges from now on')
  assert.equal(readInterface(GATEWAY).up, true)
})

if (process.env.MILEPOST_VM_FULL === '1') {
  test('a controller on which nobody talks is tried at every bitrate and left down, with the reason', async () => {
    ip(`link set ${GATEWAY} down`)
    const told: string[] = []
    const found = await tryInterface(GATEWAY, 300, AbortSignal.timeout(120_000), (what) =>
      told.push(what),
    )
    assert.equal(told.length, 8)
    assert.match(found.problem ?? '', /no frame at any usual bitrate/)
    assert.equal(readInterface(GATEWAY).up, false)
  })
}
