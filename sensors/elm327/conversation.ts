import type { WantedIds } from '../can/channel.ts'
import { SensorError } from '../errors.ts'
import { pause, stopUnder } from '../wait.ts'
import {
  ACCEPT_ALL,
  type Acceptance,
  acceptanceFor,
  idDigits,
  MAX_STN_FILTERS,
} from './acceptance.ts'
import type { Heard } from './bus-lines.ts'
import type { Elm327Config } from './config.ts'
import { PROTOCOLS } from './protocol.ts'
import type { Request, Requests } from './requests.ts'
import { type ElmSession, silentAdapter } from './session.ts'
import type { Adapter } from './setup.ts'

/** Tries in a row that end in an error of the bus, without one frame, before we give up. */
const MAX_BUS_ERRORS = 5
const BUS_ERROR_PAUSE_MS = 200
/** Adaptive timing may add to the answer time; the line itself takes time too. */
const PROMPT_EXTRA_MS = 2000
const INTERRUPT_TIMEOUT_MS = 1000

/** Takes turns between listening to the bus and asking on it; the adapter cannot do both. */
export class Conversation {
  readonly #session: ElmSession
  readonly #config: Elm327Config
  readonly #adapter: Adapter
  readonly #requests: Requests
  readonly #wanted: WantedIds
  readonly #heard: Heard
  /** What the adapter has been set to; empty: not known. */
  #header = ''
  #accepts = ''
  #errorsInRow = 0

  constructor(parts: {
    session: ElmSession
    config: Elm327Config
    adapter: Adapter
    requests: Requests
    wanted: WantedIds
    heard: Heard
  }) {
    this.#session = parts.session
    this.#config = parts.config
    this.#adapter = parts.adapter
    this.#requests = parts.requests
    this.#wanted = parts.wanted
    this.#heard = parts.heard
  }

  /** Goes on until the signal aborts. Rejects with DEVICE_LOST or DEVICE_PROTOCOL. */
  async run(signal: AbortSignal): Promise<void> {
    let changed = false
    const unwatch = this.#wanted.onChange(() => {
      changed = true
    })
    try {
      while (!signal.aborted) {
        const request = this.#requests.next()
        if (request) await this.#ask(request)
        else if (this.#config.monitor) {
          changed = false
          await this.#listen(signal, () => changed)
        } else await this.#idle(signal)
        await this.#afterErrors(signal)
      }
    } finally {
      unwatch()
      this.#requests.onWaiting(undefined)
    }
  }

  /** Listens until there is something to ask, the filters change, or the bus was silent for a while. */
  async #listen(signal: AbortSignal, changed: () => boolean): Promise<void> {
    const command = await this.#setMonitorFilters()
    let ended = false
    let wake: () => void = () => {}
    const woken = new Promise<void>((resolve) => {
      wake = resolve
    })
    const unwatch = this.#wanted.onChange(() => wake())
    let bytes = this.#session.bytes
    // A hung adapter and a silent bus look alike; only asking tells them apart.
    const quiet = setInterval(() => {
      if (this.#session.bytes === bytes) wake()
      bytes = this.#session.bytes
    }, this.#config.probeEveryMs)
    signal.addEventListener('abort', wake, { once: true })
    try {
      await this.#session.begin(command, () => {
        ended = true
        wake()
      })
      this.#requests.onWaiting(wake)
      if (!changed() && !signal.aborted) await woken
    } finally {
      clearInterval(quiet)
      unwatch()
      signal.removeEventListener('abort', wake)
      this.#requests.onWaiting(undefined)
    }
    if (!ended) await this.#interrupt()
    // It only stops by itself where something is wrong, also where it does not say what.
    else if (!signal.aborted) this.#heard.notice ??= 'unknown-command'
  }

  /** Waits for something to ask; makes sure now and then that the adapter is still there. */
  async #idle(signal: AbortSignal): Promise<void> {
    const wake = stopUnder(signal)
    this.#requests.onWaiting(() => wake.abort())
    await pause(this.#config.probeEveryMs, wake.signal)
    this.#requests.onWaiting(undefined)
    wake.abort()
    if (signal.aborted || this.#requests.waiting) return
    if ((await this.#session.command('ATI')) === undefined) throw silentAdapter(this.#config.port)
  }

  async #ask({ id, data }: Request): Promise<void> {
    const { ext } = PROTOCOLS[this.#adapter.protocol]
    await this.#accept([this.#requests.answersTo(id)], false)
    const digits = idDigits(id, ext)
    if (this.#header !== digits) {
      if (ext) await this.#set(`ATCP${digits.slice(0, 2)}`)
      await this.#set(`ATSH${ext ? digits.slice(2) : digits}`)
      this.#header = digits
    }
    const timeoutMs = this.#config.answerTimeoutMs + PROMPT_EXTRA_MS
    const text = Buffer.from(data).toString('hex').toUpperCase()
    if (!(await this.#session.exchange(text, timeoutMs))) await this.#interrupt()
  }

  async #setMonitorFilters(): Promise<'ATMA' | 'STM'> {
    const { stn, protocol } = this.#adapter
    const max = stn ? MAX_STN_FILTERS : 1
    const filters = acceptanceFor(this.#wanted.current(), PROTOCOLS[protocol].ext, max)
    await this.#accept(filters, stn)
    return stn ? 'STM' : 'ATMA'
  }

  /** Sets the filters where they are not set already. STN's own are dropped by the ELM327's. */
  async #accept(filters: readonly Acceptance[], stn: boolean): Promise<void> {
    const { ext } = PROTOCOLS[this.#adapter.protocol]
    const key = JSON.stringify([stn, filters])
    if (this.#accepts === key) return
    this.#accepts = ''
    if (stn) {
      await this.#set('STFCP')
      for (const { id, mask } of filters) {
        await this.#set(`STFAP${idDigits(id, ext)},${idDigits(mask, ext)}`)
      }
    } else {
      const [{ id, mask }] = filters.length === 1 ? filters : [ACCEPT_ALL]
      await this.#set(`ATCF${idDigits(id, ext)}`)
      await this.#set(`ATCM${idDigits(mask, ext)}`)
    }
    this.#accepts = key
  }

  async #set(command: string): Promise<void> {
    const answer = await this.#session.command(command)
    if (answer?.at(-1) === 'OK') return
    if (answer === undefined) {
      await this.#interrupt()
      return
    }
    throw new SensorError(
      'DEVICE_PROTOCOL',
      `The adapter answers "${answer.at(-1) ?? ''}" to ${command}.`,
      {
        hint: 'It is set up anew by itself; if this goes on, use an adapter that knows this command.',
      },
    )
  }

  /** One more chance for the first time-out: a clone may be busy writing what it heard. */
  async #interrupt(): Promise<void> {
    for (let attempt = 0; attempt < 2; attempt++) {
      if (await this.#session.interrupt(INTERRUPT_TIMEOUT_MS)) return
    }
    throw silentAdapter(this.#config.port)
  }

  /** Says what the last turn was worth; throws where going on makes no sense. */
  async #afterErrors(signal: AbortSignal): Promise<void> {
    const heard = this.#heard
    const notice = heard.notice
    heard.notice = undefined
    if (heard.frames > 0) this.#errorsInRow = 0
    heard.frames = 0
    if (notice === 'reset' || notice === 'sleep') {
      const what = notice === 'reset' ? 'reset itself' : 'went to sleep'
      throw new SensorError('DEVICE_LOST', `The adapter on ${this.#config.port} ${what}.`, {
        hint: 'It is set up again by itself. If it happens while the engine runs, check the supply of the OBD port.',
      })
    }
    if (notice !== 'bus-error' && notice !== 'unknown-command') return
    if (++this.#errorsInRow < MAX_BUS_ERRORS) {
      await pause(BUS_ERROR_PAUSE_MS, signal)
      return
    }
    throw new SensorError(
      'DEVICE_PROTOCOL',
      `The adapter on ${this.#config.port} has only errors on ${this.#adapter.protocol}.`,
      {
        hint: 'The bitrate is wrong or the bus is off: set protocol: auto (or another of can-11-500, can-29-500, can-11-250, can-29-250) and switch the ignition on.',
      },
    )
  }
}
