import { clockState } from '../../clock.ts'
import type { Check } from '../scene.ts'

/** The clock is set, and something keeps it. */
export const clockCheck: Check = {
  name: 'clock',
  async run({ status, probes }) {
    const check = 'clock'
    const cause = 'clock'
    const nowMs = probes.nowMs()
    const time = new Date(nowMs).toISOString().slice(0, 19)
    if (clockState(nowMs * 1000) === 'unsynced') {
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
    if (probes.clockKept() === false) {
      return [
        {
          check,
          verdict: 'note',
          code: 'CLOCK_UNKEPT',
          finding: `The clock says ${time}, and nobody keeps it: it may be some seconds off.`,
          next: 'Without a network that is to be expected.',
          command: 'timedatectl timesync-status',
          cause,
        },
      ]
    }
    return [{ check, verdict: 'ok', code: 'OK', finding: `${time} UTC.`, cause }]
  },
}
