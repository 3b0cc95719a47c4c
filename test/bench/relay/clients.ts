// Thousands of MQTT clients, each with a connection, a name and records of its own, at a pace. Takes a
// load as JSON, and prints how many seconds passed until the last record was confirmed.
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { generate } from 'mqtt-packet'
import { parsePublish, varint } from '../../../sync/mqtt/publish.ts'
import { readJson, type Told, topicsOf } from '../../../sync/mqtt/wire.ts'
import { type Load, vehicleOf } from './load.ts'
import { Template } from './template.ts'

const load = JSON.parse(process.argv[2]) as Load
const TICK_MS = 20
/** All windows together fit the broker's queue: what it drops would have to be sent again. */
const WINDOW = 40
const AGAIN_MS = 4_000
const CONNECT_AT_ONCE = 100
const V5 = { protocolVersion: 5 } as const
const [CONNACK, PUBLISH, PUBACK, SUBACK] = [2, 3, 4, 9]

class Client {
  readonly #template: Template
  readonly #vehicle: string
  #socket!: Socket
  #rest: Buffer = Buffer.alloc(0)
  #ready: () => void = () => {}
  #progressMs = 0
  #backMs = 0
  sent = 0
  confirmed = 0

  constructor(n: number) {
    this.#vehicle = vehicleOf(load.run, n)
    this.#template = new Template(this.#vehicle, load.run)
  }

  async open(): Promise<void> {
    this.#socket = connect(load.port, '127.0.0.1')
    this.#socket.setNoDelay(true)
    this.#socket.on('data', (chunk: Buffer) => this.#received(chunk))
    this.#socket.once('close', () => {
      throw new Error(`${this.#vehicle}: the broker closed the connection`)
    })
    const answered = () => new Promise<void>((resolve) => (this.#ready = resolve))
    const clientId = `bench-${this.#vehicle}`
    const first = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId } as const
    this.#socket.write(generate({ ...first, clean: true, keepalive: 0 }, V5))
    await answered()
    if (load.confirmedBy === 'broker') return
    const subscriptions = [{ topic: topicsOf('milepost', this.#vehicle).position, qos: 0 as const }]
    this.#socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions }, V5))
    await answered()
  }

  /** Sends the next record, if its window has room; answers whether it did. */
  send(): boolean {
    if (this.sent >= load.records || this.sent - this.confirmed >= WINDOW) return false
    if (this.sent === this.confirmed) this.#progressMs = performance.now()
    this.#socket.write(this.#template.packet(++this.sent))
    return true
  }

  /** Goes back to what is confirmed where nothing was for long. */
  look(nowMs: number): void {
    if (load.confirmedBy === 'relay' && nowMs - this.#progressMs > AGAIN_MS) this.#goBack(nowMs)
  }

  #goBack(nowMs: number): void {
    if (nowMs - this.#backMs < AGAIN_MS) return
    this.sent = this.confirmed
    this.#progressMs = nowMs
    this.#backMs = nowMs
  }

  #received(chunk: Buffer): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    let at = 0
    while (at + 2 <= bytes.length) {
      const { value, end } = varint(bytes, at + 1)
      if (end < 0 || end + value > bytes.length) break
      const kind = bytes[at] >> 4
      if (kind === CONNACK || kind === SUBACK) this.#ready()
      else if (kind === PUBACK && load.confirmedBy === 'broker') this.#confirm(this.confirmed + 1)
      else if (kind === PUBLISH)
        this.#told(parsePublish(bytes[at] & 15, bytes.subarray(end, end + value)).payload)
      at = end + value
    }
    this.#rest = bytes.subarray(at)
  }

  #told(payload: Buffer): void {
    const told = readJson<Told>(payload)
    if (!told || told.rejected) throw new Error(`${this.#vehicle}: ${payload}`)
    this.#confirm(told.positions.telemetry)
    // What is still on its way is refused as well: going back for each of them would feed on itself.
    if (told.refused) this.#goBack(performance.now())
  }

  #confirm(seq: number): void {
    if (seq <= this.confirmed) return
    done += seq - this.confirmed
    this.confirmed = seq
    this.sent = Math.max(this.sent, seq)
    this.#progressMs = performance.now()
  }
}

let done = 0
const clients = Array.from({ length: load.clients }, (_, n) => new Client(n))
for (let n = 0; n < clients.length; n += CONNECT_AT_ONCE) {
  await Promise.all(clients.slice(n, n + CONNECT_AT_ONCE).map((client) => client.open()))
}
console.log('connected')

const total = load.clients * load.records
const startMs = performance.now()
let given = 0
let turn = 0
for (let lookMs = startMs; done < total; ) {
  const nowMs = performance.now()
  const due = Math.min(
    Math.floor(((nowMs - startMs) * load.recordsPerSec) / 1000) - given,
    load.recordsPerSec,
  )
  for (let n = 0, idle = 0; n < due && idle < clients.length; ) {
    if (clients[turn++ % clients.length].send()) {
      n++
      given++
      idle = 0
    } else idle++
  }
  // What has to be sent again comes on top of the pace.
  if (given >= total) for (const client of clients) while (client.send());
  if (nowMs - lookMs > 1_000) {
    lookMs = nowMs
    for (const client of clients) client.look(nowMs)
  }
  await sleep(TICK_MS)
}
console.log(JSON.stringify({ seconds: (performance.now() - startMs) / 1000 }))
process.exit(0)
