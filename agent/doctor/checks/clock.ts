import { clockSet } from '../../time/clock-set.ts'
import type { Check } from '../scene.ts'

/** The clock is set, and something keeps it. */
export const clockCheck: Check = {
  name: 'clock',
  async run({ status, probes }) {
    const check = 'clock'
    const cause = 'clock'
    const nowMs = probes.nowMs()
    const time = new Date(nowMs).toISOString().slice(0, 19)
    if (!clockSet(nowMs * 1000)) {
      const told = status?.timeSeen ? ` ${status.timeSeen.sensor} tells the right time.` : ''
      return [
        {
          check,
          verdict: 'broken',
          code: 'CLOCK_UNSET',
          finding: `The clock says ${time}: it was never set since power came.${told}`,
          next: 'Certificates are refused until it is right. Records get their time when it is known; a GNSS receiver or a network sets it, a battery keeps it.',
          command: 'sudo timedatectl set-ntp true',
          cause,
        },
      ]
    }
    if (probes.clockKept() === false && !status?.clockBy) {
      return [
        {
          check,
          verdict: 'note',
          code: 'CLOCK_UNKEPT',
          finding: `The clock says ${time}, and nobody vouches for it: records say "unsynced", and have no time on Kafka.`,
          next: 'Network time or a satellite receiver sets it right, also for records that wait. Where a battery keeps the clock, say so in the config: "clock: { battery: true }".',
          command: 'timedatectl timesync-status',
          cause,
        },
      ]
    }
    return [{ check, verdict: 'ok', code: 'OK', finding: `${time} UTC.`, cause }]
  },
}
