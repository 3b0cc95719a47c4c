import type { FrameChannel } from '../../can/channel.ts'
import { type IsoTpAddress, prefixLength } from '../../isotp/address.ts'
import { IsoTpLink } from '../../isotp/link.ts'
import type { IsoTpOptions } from '../../isotp/options.ts'
import { parsePci } from '../../isotp/pci.ts'
import { FUNCTIONAL_ID, FUNCTIONAL_ID_EXT } from '../../obd/services.ts'
import type { Clock } from '../../sensor.ts'
import { pause } from '../../wait.ts'
import { type EcuBehaviour, ecuBehaviour, stoppingChannel } from './behaviour.ts'
import { EcuMemory } from './memory.ts'
import { answerObd, type EcuData, type Reply } from './obd-server.ts'
import { UdsServer } from './uds-server.ts'

export interface EcuOptions {
  readonly behaviour?: Partial<EcuBehaviour>
  readonly isotp?: IsoTpOptions
  /** Values behind UDS data identifiers, more than the vehicle's identification. */
  readonly identifiers?: ReadonlyMap<number, () => Uint8Array>
}

/** Requests that wait for a slow ECU at once; what is beyond is not heard, as in a real one. */
const MAX_WAITING = 4
const PENDING = 0x78
const OBD_SERVICES = 0x0f

/** A simulated ECU on a bus: answers OBD and UDS at its own address, OBD on the functional one too. */
export class SimulatedEcu {
  /** May be changed while it runs. */
  readonly behaviour: EcuBehaviour
  readonly memory = new EcuMemory()
  readonly uds: UdsServer
  /** Requests heard. */
  requests = 0
  /** Those that came while another one was still being answered: it was flooded. */
  overlapping = 0
  readonly #link: IsoTpLink
  readonly #data: EcuData
  readonly #unlisten: () => void
  readonly #stop = new AbortController()
  #line: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** `address` as the ECU has it: it sends on `txId`. */
  constructor(
    channel: FrameChannel,
    address: IsoTpAddress,
    clock: Clock,
    data: EcuData,
    options: EcuOptions = {},
  ) {
    this.behaviour = ecuBehaviour.parse(options.behaviour ?? {})
    this.#data = data
    this.uds = new UdsServer(data, this.memory, options.identifiers)
    const prefix = prefixLength(address.txByte)
    const wire = stoppingChannel(channel, () => this.behaviour, prefix)
    const hear = { message: (request: Uint8Array) => this.#hear(request, false) }
    this.#link = new IsoTpLink(wire, address, clock, hear, options.isotp)
    const functional = { id: address.ext ? FUNCTIONAL_ID_EXT : FUNCTIONAL_ID, ext: address.ext }
    this.#unlisten = channel.onFrame([functional], ({ data: bytes }) => {
      const pci = parsePci(bytes, 0)
      if (pci?.kind === 'single') this.#hear(pci.payload.slice(), true)
    })
  }

  close(): void {
    this.#stop.abort()
    this.#unlisten()
    this.#link.close()
  }

  #hear(request: Uint8Array, functional: boolean): void {
    this.requests++
    if (this.#waiting > 0) this.overlapping++
    if (this.behaviour.silent || this.#waiting >= MAX_WAITING) return
    this.#waiting++
    this.#line = this.#line
      .then(() => this.#serve(request, functional))
      // A bus that went down under an ECU takes the answer with it, and nothing else.
      .catch(() => {})
      .finally(() => this.#waiting--)
  }

  async #serve(request: Uint8Array, functional: boolean): Promise<void> {
    const { delayMs, pending, pendingEveryMs, refuse } = this.behaviour
    const { signal } = this.#stop
    const [service] = request
    if (delayMs > 0) await pause(delayMs, signal)
    for (let i = 0; i < pending && !signal.aborted; i++) {
      await this.#link.send(Uint8Array.of(0x7f, service, PENDING))
      await pause(pendingEveryMs, signal)
    }
    if (signal.aborted) return
    const reply = refuse === undefined ? this.#reply(request) : { refuse }
    if (reply instanceof Uint8Array) await this.#link.send(reply)
    // To a functional request nobody says no (ISO 14229-1, 7.5.3.3).
    else if (reply && !functional) await this.#link.send(Uint8Array.of(0x7f, service, reply.refuse))
  }

  #reply(request: Uint8Array): Reply {
    if (request[0] <= OBD_SERVICES) return answerObd(request, this.#data, this.memory)
    return this.uds.answer(request)
  }
}
