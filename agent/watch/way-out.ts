import type {
  Complaint,
  OutboxStatus,
  SyncStatus,
  UplinkState,
  UplinkStatus,
} from '../../sync/status.ts'
import type { Logger } from '../log.ts'
import type { Part, PartContext } from '../part.ts'

const LOOK_MS = 1_000

/** On the way to one of the others: a link that comes and goes is told by where it arrives. */
const ON_THE_WAY: ReadonlySet<UplinkState> = new Set(['connecting', 'off'])

/** Tells the log when the outbox or the uplink changes: who reads the journal has no status screen. */
export class WayOut {
  readonly #log: Logger
  #outbox: Pick<OutboxStatus, 'state' | 'quarantinedFile'> = { state: 'ok' }
  #uplink: { state: UplinkState; code?: string } = { state: 'off' }
  /** By lane the code of what blocks it. */
  #blocked = new Map<string, string>()
  #oddPositions: string | undefined
  #rejection: string | undefined

  constructor(log: Logger) {
    this.#log = log
  }

  look({ outbox, uplink }: Pick<SyncStatus, 'outbox' | 'uplink'>): void {
    this.#lookAtOutbox(outbox)
    this.#lookAtUplink(uplink)
    this.#lookAtLanes(uplink)
    this.#lookAtRecords(uplink)
  }

  #lookAtOutbox({ state, quarantinedFile, lastError }: OutboxStatus): void {
    if (state === 'starting' || state === 'closed') return
    const before = this.#outbox
    this.#outbox = { state, quarantinedFile }
    // A thread that was started again knows of no earlier one.
    if (quarantinedFile && quarantinedFile !== before.quarantinedFile) {
      this.#tell('error', `a corrupt outbox was put aside as ${quarantinedFile}`, lastError)
    }
    if (state !== before.state) {
      this.#tell(state === 'ok' ? 'info' : 'error', `outbox is ${state}`, lastError)
    }
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
  return { name: 'way-out', stop: () => clearInterval(timer) }
}
