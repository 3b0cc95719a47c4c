import { readJson, type Told, topicsOf } from '../../sync/mqtt/wire.ts'
import { AgentError } from '../error.ts'
import { Connection } from './connection.ts'
import { connectionOf, type FleetLoad, numberOf, vehicleOf } from './load.ts'
import { Template } from './template.ts'

/** As the uplink's `sendTimeoutMs`: nothing confirmed for so long, and the relay is asked. */
const CONFIRM_TIMEOUT_MS = 30_000
/** A vehicle whose records were lost on the way begins again after this, and as much more by chance. */
const BACK_MS = 500
/** Records of a vehicle on their way at most, as one batch of the uplink. */
const MAX_BATCH = 100
const LATENCIES = 4_096

/**
 * Vehicles as the MQTT uplink has them: what came into being is sent when nothing is on its way; what
 * is confirmed is done; where nothing is told for long the relay is asked how far it got, and only
 * its answer sends a vehicle back. Sending everything again on suspicion is what chokes a broker:
 * it reads one packet of each socket in turn, and its relay's acknowledgements wait behind them all.
 */
export class Vehicles {
  readonly #load: FleetLoad
  readonly #failed: (error: Error) => void
  readonly #template: Template
  readonly #connections: Connection[] = []
  readonly #produced: Uint32Array
  readonly #sent: Uint32Array
  readonly #confirmed: Uint32Array
  readonly #sentMs: Float64Array
  /** What had been sent when the relay was asked. */
  readonly #asked: Uint32Array
  readonly #going = new Map<number, number>()
  readonly #latencyMs = new Float64Array(LATENCIES)
  /** Of each connection, in the order of its messages: for a broker's acknowledgements. */
  readonly #unacknowledged: number[][] = []
  /** Packets of a connection that go out with one write. */
  readonly #pending = new Map<number, { vehicle: number; seq: number }[]>()
  #nextLatency = 0
  totals = { produced: 0, sent: 0, confirmed: 0, wentBack: 0 }

  /** @param failed hears why the vehicles cannot go on: a connection is lost, a record refused for good */
  constructor(load: FleetLoad, failed: (error: Error) => void) {
    this.#load = load
    this.#failed = failed
    this.#template = new Template(load.run)
    this.#produced = new Uint32Array(load.vehicles)
    this.#sent = new Uint32Array(load.vehicles)
    this.#confirmed = new Uint32Array(load.vehicles)
    this.#sentMs = new Float64Array(load.vehicles)
    this.#asked = new Uint32Array(load.vehicles)
    for (let n = 0; n < load.connections; n++) {
      const queue: number[] = []
      this.#unacknowledged.push(queue)
      this.#connections.push(
        new Connection({
          acknowledged: () => {
            const vehicle = load.confirmedBy === 'broker' ? queue.shift() : undefined
            if (vehicle !== undefined) this.#confirm(vehicle, this.#confirmed[vehicle] + 1)
          },
          told: (topic, payload) => this.#told(topic, payload),
          lost: failed,
        }),
      )
    }
  }

  /** Opens the connections of these numbers. */
  async open(from: number, to: number): Promise<void> {
    const { port, run, confirmedBy } = this.#load
    const opening = this.#connections.slice(from, to).map((connection, n) => {
      const topics: string[] = []
      for (let vehicle = this.#firstOf(from + n); vehicle < this.#firstOf(from + n + 1); vehicle++)
        topics.push(topicsOf('milepost', vehicleOf(run, vehicle)).position)
      const wanted = confirmedBy === 'relay' ? topics : []
      return connection.open(port, `fleet-${run}-${from + n}`, wanted)
    })
    await Promise.all(opening)
  }

  /** The next record of the fleet comes into being: one vehicle after the other. */
  produce(): void {
    const vehicle = this.totals.produced++ % this.#load.vehicles
    this.#produced[vehicle]++
    if (this.#sent[vehicle] === this.#confirmed[vehicle]) this.#send(vehicle)
  }

  /** Writes what was to be sent, with one write for each connection. */
  flush(): void {
    const timeUs = Date.now() * 1000
    for (const [n, packets] of this.#pending) {
      const bytes = Buffer.allocUnsafe(packets.length * this.#template.bytes)
      let at = 0
      for (const { vehicle, seq } of packets) {
        at = this.#template.write(bytes, at, vehicle, seq, timeUs)
      }
      this.#connections[n].write(bytes)
    }
    this.#pending.clear()
  }

  /** Looks for vehicles that have waited for too long; once a second. */
  look(nowMs: number): void {
    for (const [vehicle, sinceMs] of this.#going) {
      if (nowMs >= sinceMs) {
        this.#going.delete(vehicle)
        this.#sent[vehicle] = this.#confirmed[vehicle]
        this.#send(vehicle)
      }
    }
    if (this.#load.confirmedBy === 'broker') return
    for (let vehicle = 0; vehicle < this.#load.vehicles; vehicle++) {
      if (this.#sent[vehicle] === this.#confirmed[vehicle]) continue
      if (nowMs - this.#sentMs[vehicle] < CONFIRM_TIMEOUT_MS) continue
      this.#sentMs[vehicle] = nowMs
      this.#asked[vehicle] = this.#sent[vehicle]
      const { run } = this.#load
      const ask = { epoch: run, run: 'fleet' }
      const topic = topicsOf('milepost', vehicleOf(run, vehicle)).ask
      this.#connections[connectionOf(vehicle, this.#load)].publish(topic, JSON.stringify(ask))
    }
  }

  /** Half and all but one hundredth of records were confirmed within so long, of the last ones. */
  latencies(): { confirmP50Ms: number; confirmP99Ms: number } {
    const known = this.#latencyMs.slice(0, Math.min(LATENCIES, this.#nextLatency)).sort()
    const at = (part: number) => Math.round(known[Math.floor(known.length * part)] ?? 0)
    return { confirmP50Ms: at(0.5), confirmP99Ms: at(0.99) }
  }

  #firstOf(connection: number): number {
    const { vehicles, connections } = this.#load
    return Math.ceil((connection * vehicles) / connections)
  }

  #send(vehicle: number): void {
    const last = Math.min(this.#produced[vehicle], this.#confirmed[vehicle] + MAX_BATCH)
    if (last <= this.#sent[vehicle]) return
    const n = connectionOf(vehicle, this.#load)
    let packets = this.#pending.get(n)
    if (!packets) this.#pending.set(n, (packets = []))
    for (let seq = this.#sent[vehicle] + 1; seq <= last; seq++) {
      packets.push({ vehicle, seq })
      this.totals.sent++
      if (this.#load.confirmedBy === 'broker') this.#unacknowledged[n].push(vehicle)
    }
    this.#sent[vehicle] = last
    this.#sentMs[vehicle] = performance.now()
  }

  #told(topic: string, payload: Buffer): void {
    const vehicle = numberOf(topic)
    const told = readJson<Told>(payload)
    if (!told || told.rejected) {
      this.#failed(refused(vehicle, payload))
      return
    }
    this.#confirm(vehicle, told.positions.telemetry)
    const behind = this.#sent[vehicle] > this.#confirmed[vehicle]
    // An answer was asked for behind all that had been sent: what it does not count is lost.
    const lost = told.answers !== undefined && this.#asked[vehicle] > this.#confirmed[vehicle]
    if (behind && (told.refused || lost) && !this.#going.has(vehicle)) {
      this.totals.wentBack++
      this.#going.set(vehicle, performance.now() + BACK_MS * (1 + Math.random()))
    }
  }

  #confirm(vehicle: number, seq: number): void {
    const before = this.#confirmed[vehicle]
    if (seq <= before) return
    this.totals.confirmed += seq - before
    this.#confirmed[vehicle] = seq
    if (this.#sent[vehicle] < seq) this.#sent[vehicle] = seq
    const latencyMs = performance.now() - this.#sentMs[vehicle]
    this.#latencyMs[this.#nextLatency++ % LATENCIES] = latencyMs
    if (this.#sent[vehicle] === seq) this.#send(vehicle)
  }
}

function refused(vehicle: number, payload: Buffer): AgentError {
  return new AgentError('RUN_FAILED', `Vehicle ${vehicle} is told ${payload}`, {
    hint: 'Its records are as every vehicle’s are: the fault is in the relay or in what simulates the fleet.',
  })
}
