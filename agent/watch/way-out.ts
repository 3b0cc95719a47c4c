import type {
  Complaint,
  OutboxStatus,
  OutboxTroubles,
  SyncStatus,
  UplinkState,
  UplinkStatus,
} from '../../sync/status.ts'
import type { Logger } from '../log.ts'
import type { Part, PartContext } from '../part.ts'

const LOOK_MS = 1_000
/** Troubles of the outbox that are over within a look are told in one line for so long. */
const BRIEF_EVERY_MS = 60_000

/** On the way to one of the others: a link that comes and goes is told by where it arrives. */
const ON_THE_WAY: ReadonlySet<UplinkState> = new Set(['connecting', 'off'])

/** Tells the log when the outbox or the uplink changes: who reads the journal has no status screen. */
export class WayOut {
  readonly #log: Logger
  readonly #nowMs: () => number
  #outbox: Pick<OutboxStatus, 'state' | 'quarantinedFile'> = { state: 'ok' }
  #uplink: { state: UplinkState; code?: string } = { state: 'off' }
  /** By lane the code of what blocks it. */
  #blocked = new Map<string, string>()
  #oddPositions: string | undefined
  #rejection: string | undefined
  /** Troubles of the outbox that were seen, those that were over by then and wait to be told, and the last. */
  #seen = 0
  #brief = 0
  #lastBrief: OutboxTroubles | undefined
  #briefToldMs = Number.NEGATIVE_INFINITY

  /** @param nowMs a clock that never jumps */
  constructor(log: Logger, nowMs = () => performance.now()) {
    this.#log = log
    this.#nowMs = nowMs
  }

  look({ outbox, uplink }: Pick<SyncStatus, 'outbox' | 'uplink'>): void {
    this.#lookAtOutbox(outbox)
    this.#lookAtUplink(uplink)
    this.#lookAtLanes(uplink)
    this.#lookAtRecords(uplink)
  }

  #lookAtOutbox({ state, quarantinedFile, lastError, troubles }: OutboxStatus): void {
    if (state === 'starting' || state === 'closed') return
    const before = this.#outbox
    this.#lookAtTroubles(troubles, state !== 'ok' && state !== before.state)
    this.#outbox = { state, quarantinedFile }
    // A thread that was started again knows of no earlier one.
    if (quarantinedFile && quarantinedFile !== before.quarantinedFile) {
      this.#tell('error', `a corrupt outbox was put aside as ${quarantinedFile}`, lastError)
    }
    if (state !== before.state) {
      this.#tell(state === 'ok' ? 'info' : 'error', `outbox is ${state}`, lastError)
    }
  }

  /** A disk that was full for less than a look, told all the same; not each time where it comes and goes. */
  #lookAtTroubles(troubles: OutboxTroubles | undefined, toldByState: boolean): void {
    const count = troubles?.count ?? 0
    // A thread that was started again counts anew.
    const more = count < this.#seen ? count : count - this.#seen
    this.#seen = count
    const brief = Math.max(0, more - (toldByState ? 1 : 0))
    this.#brief += brief
    if (brief > 0) this.#lastBrief = troubles
    if (this.#nowMs() - this.#briefToldMs >= BRIEF_EVERY_MS) this.tellBrief()
  }

  /** Tells what was held back so that nothing floods the log; at the end, too. */
  tellBrief(): void {
    if (this.#brief === 0 || !this.#lastBrief) return
    const { state, error } = this.#lastBrief
    const times = this.#brief === 1 ? '' : `${this.#brief} times, `
    this.#tell('error', `outbox was ${state}, ${times}for less than ${LOOK_MS} ms`, error)
    this.#brief = 0
    this.#briefToldMs = this.#nowMs()
  }

  #lookAtUplink({ state, lastError }: UplinkStatus): void {
    if (ON_THE_WAY.has(state)) return
    const code = state === 'live' ? undefined : lastError?.code
    const before = this.#uplink
    if (state === before.state && code === before.code) return
    this.#uplink = { state, code }
    if (state === 'live') this.#tell('info', 'uplink is live')
    else this.#tell('warn', `uplink is ${state}`, lastError)
  }

  #lookAtLanes({ state, blocked = [] }: UplinkStatus): void {
    // Without a connection nothing is known of lanes.
    if (state !== 'live' && state !== 'throttled') return
    for (const { lane, ...complaint } of blocked) {
      if (this.#blocked.get(lane) === complaint.code) continue
      this.#tell('warn', `lane ${lane} is blocked, the others go on`, complaint)
    }
    for (const lane of this.#blocked.keys()) {
      if (!blocked.some((each) => each.lane === lane)) this.#tell('info', `lane ${lane} goes on`)
    }
    this.#blocked = new Map(blocked.map(({ lane, code }) => [lane, code]))
  }

  /** What befell single records or their numbers is over by the time that anybody looks. */
  #lookAtRecords({ oddPositions, lastRejection, rejectedRecords }: UplinkStatus): void {
    if (oddPositions && oddPositions.message !== this.#oddPositions) {
      this.#tell('warn', 'uplink', oddPositions)
    }
    this.#oddPositions = oddPositions?.message
    // One line for each cause: a fault of a campaign would fill the journal.
    if (lastRejection && lastRejection.code !== this.#rejection) {
      this.#tell('warn', `records that the other side refused: ${rejectedRecords}`, lastRejection)
    }
    this.#rejection = lastRejection?.code
  }

  #tell(level: 'info' | 'warn' | 'error', what: string, error?: Complaint): void {
    if (level === 'info' || !error) this.#log[level](what)
    else this.#log[level]({ code: error.code, hint: error.hint }, `${what}: ${error.message}`)
  }
}

/** The outbox and the uplink in the log. */
export function wayOutPart({ log, sync }: PartContext): Part {
  const wayOut = new WayOut(log)
  const look = (): void => wayOut.look(sync.status())
  look()
  const timer = setInterval(look, LOOK_MS)
  return {
    name: 'way-out',
    stop: () => {
      clearInterval(timer)
      look()
      wayOut.tellBrief()
    },
  }
}
