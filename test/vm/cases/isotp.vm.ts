// Our ISO-TP against the kernel's, both ways, on the same bus.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { Channels } from '../../../agent/channels.ts'
import { systemClock } from '../../../agent/clock.ts'
import { socketcan } from '../../../sensors/can/socketcan.ts'
import type { IsoTpAddress } from '../../../sensors/isotp/address.ts'
import { IsoTpLink } from '../../../sensors/isotp/link.ts'
import type { IsoTpOptions } from '../../../sensors/isotp/options.ts'
import { Recorder } from '../../sensors/recorder.ts'
import { eventually, sh, VCAN } from '../guest.ts'

const NORMAL: IsoTpAddress = { txId: 0x7e0, rxId: 0x7e8, ext: false }
const LONG: IsoTpAddress = { txId: 0x18da10f1, rxId: 0x18daf110, ext: true }
const EXTENDED: IsoTpAddress = { ...NORMAL, txByte: 0x33, rxByte: 0x44 }

/** A link on vcan0 through the sensor and the agent's channel, as OBD and UDS have it. */
async function openLink(t: TestContext, address: IsoTpAddress, options: IsoTpOptions = {}) {
  const recorder = new Recorder(systemClock)
  const send = [{ id: address.txId, ext: address.ext }]
  const channels = new Channels(() => ({ name: VCAN, send, reads: undefined }))
  const bus = channels.of(recorder.bus)
  Object.assign(recorder, {
    frames: channels.route.bind(channels),
    channel: bus,
    wanted: bus,
    offerSending: bus.offer.bind(bus),
  })
  const abort = new AbortController()
  const sensor = socketcan.create(socketcan.config.parse({ interface: VCAN }))
  const ended = sensor.run(recorder, abort.signal)
  const messages: Buffer[] = []
  const faults: string[] = []
  const link = new IsoTpLink(
    bus,
    address,
    systemClock,
    {
      message: (payload) => messages.push(Buffer.from(payload)),
      fault: (fault) => faults.push(fault),
    },
    options,
  )
  t.after(async () => {
    link.close()
    abort.abort()
    await ended
  })
  await Promise.race([recorder.until(() => recorder.opens > 0), ended])
  return { link, messages, faults }
}

const hex = (id: number, ext: boolean): string => id.toString(16).padStart(ext ? 8 : 3, '0')

/** What isotpsend and isotprecv are to be told to be the other end. */
function kernelEnd({ txId, rxId, ext, txByte, rxByte }: IsoTpAddress, options: IsoTpOptions) {
  const args = ['-s', hex(rxId, ext), '-d', hex(txId, ext)]
  if (txByte !== undefined) args.push('-x', `${rxByte!.toString(16)}:${txByte.toString(16)}`)
  if (options.fd) args.push('-L', `72:${options.frameBytes ?? 64}:1`)
  return args
}

function run(program: string, args: string[], input = '') {
  const child = spawn(program, [...args, VCAN], { stdio: ['pipe', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stdin.end(input)
  const done = new Promise<string>((resolve) => child.once('close', () => resolve(out)))
  return { child, done }
}

const payloadOf = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 7 + length) & 0xff))

async function toKernel(
  t: TestContext,
  link: IsoTpLink,
  length: number,
  options: IsoTpOptions = {},
  flow: string[] = [],
): Promise<void> {
  const args = [...kernelEnd(link.address, options), ...flow]
  const receiver = run('isotprecv', args)
  t.after(() => receiver.child.kill('SIGKILL'))
  // It says nothing when it is ready: it is once the kernel lists what it listens to.
  const listens = (): boolean =>
    sh('cat', `/proc/net/can/rcvlist_${link.address.ext ? 'eff' : 'sff'}`).includes('isotp')
  await eventually(listens)
  const payload = payloadOf(length)
  assert.equal(await link.send(payload), 'sent')
  const got = Buffer.from((await receiver.done).replace(/\s/g, ''), 'hex')
  assert.deepEqual(got, payload, `${length} bytes to the kernel`)
}

async function fromKernel(
  { link, messages, faults }: Awaited<ReturnType<typeof openLink>>,
  length: number,
  options: IsoTpOptions = {},
): Promise<void> {
  const payload = payloadOf(length)
  const text = [...payload].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
  messages.length = 0
  const sender = run('isotpsend', [...kernelEnd(link.address, options), '-b'], text)
  await sender.done
  await eventually(() => messages.length + faults.length > 0)
  assert.deepEqual(faults, [])
  assert.deepEqual(messages, [payload], `${length} bytes from the kernel`)
}

test('normal addressing, every length form, both ways', async (t) => {
  const open = await openLink(t, NORMAL, { maxLength: 8192 })
  for (const length of [1, 7, 8, 300, 4095, 5000]) {
    await toKernel(t, open.link, length)
    await fromKernel(open, length)
  }
})

test('block size and separation time of the receiver are kept, whoever receives', async (t) => {
  const open = await openLink(t, NORMAL, { blockSize: 3, separationUs: 2000 })
  await fromKernel(open, 100)
  await toKernel(t, open.link, 100, {}, ['-b', '4', '-m', '2'])
})

test('29-bit identifiers and extended addressing', async (t) => {
  for (const address of [LONG, EXTENDED]) {
    await t.test(address.ext ? '29 bit' : 'extended', async (t) => {
      const open = await openLink(t, address)
      await toKernel(t, open.link, 200)
      await fromKernel(open, 200)
    })
  }
})

test('CAN FD frames of 64 bytes', async (t) => {
  const options = { fd: true, frameBytes: 64 }
  const open = await openLink(t, NORMAL, options)
  for (const length of [20, 62, 63, 1000]) {
    await toKernel(t, open.link, length, options)
    await fromKernel(open, length, options)
  }
})
