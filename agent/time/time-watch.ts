import { bootId } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { Part, PartContext } from '../part.ts'
import type { ClockTrust } from './clock-trust.ts'
import { Timekeeper } from './timekeeper.ts'

const LOOK_MS = 1_000
const UNKEPT_HINT =
  'Network time or a satellite receiver sets that right; "clock: { battery: true }" says that a battery keeps it.'

/** What repairs the times of records that wait. */
interface Repairs {
  repairTimes(bootId: string, offsetUs: number): Promise<number>
}

export function timePart({ clockTrust, sync, log, taps }: PartContext): Part {
  const watch = new TimeWatch(clockTrust, sync, log)
  taps.watch('time', { timeSeen: (_, utcUs, monoUs) => watch.satellite(utcUs, monoUs) })
  return watch
}

/** The timekeeper at work in an agent: looks each second, tells the log. */
class TimeWatch implements Part {
  readonly name = 'time'
  readonly #keeper: Timekeeper
  readonly #timer: NodeJS.Timeout

  constructor(trust: ClockTrust, sync: Repairs, log: Logger) {
    const boot = bootId()
    this.#keeper = new Timekeeper({
      trust,
      repair: (offsetUs) => sync.repairTimes(boot, offsetUs),
      jumped: (byUs) => log.warn({ byUs }, `the clock jumped by ${byUs / 1e6} s`),
      repaired: (records, source) => {
        if (records === 0) return
        log.info({ records, source }, `the time is known: ${records} records got theirs`)
      },
      failed: (error) => log.warn({ error: String(error) }, 'times could not be repaired'),
    })
    this.#timer = setInterval(() => this.#keeper.look(), LOOK_MS)
    const { state, by } = trust.now()
    const told = 'nobody vouches for the clock of this machine: records say "unsynced" for now'
    if (state === 'unsynced') log.warn({ hint: UNKEPT_HINT }, told)
    else log.info({ by }, 'the clock can be believed')
  }

  satellite(utcUs: number, monoUs: number): void {
    this.#keeper.satellite(utcUs, monoUs)
  }

  /** No repair is under way when it resolves. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#keeper.idle()
  }
}
