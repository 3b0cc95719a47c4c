import { readdirSync } from 'node:fs'
import { SyncError } from '../../../sync/errors.ts'
import { verifyOutbox } from '../../../sync/outbox/verify.ts'
import { LANES } from '../../../sync/record.ts'
import type { SyncStatus } from '../../../sync/status.ts'
import { counted } from '../../cli/output.ts'
import { outboxPath } from '../../data-dir.ts'
import { complaintOf } from '../../error.ts'
import type { AgentStatus } from '../../status.ts'
import type { Finding } from '../finding.ts'
import type { Check } from '../scene.ts'

/** Records are kept; what was damaged or lost is told. */
export const outboxCheck: Check = {
  name: 'outbox',
  async run({ dataDir, status, agent, config, probes }) {
    if (dataDir === undefined) return []
    const path = outboxPath(dataDir)
    const findings = status
      ? ofRunning(status)
      : agent === 'down' && probes.exists(path)
        ? [atRest(path, config?.vehicle)]
        : []
    return [...findings, ...asideIn(dataDir)]
  },
}

const CODES = {
  'disk-full': ['DISK_FULL', 'disk', 'sudo journalctl --vacuum-size=50M'],
  'read-only': ['DISK_READONLY', 'disk', 'findmnt -T /var/lib/milepost; dmesg | tail'],
  locked: ['OUTBOX_LOCKED', 'other-agent', 'sudo fuser -v /var/lib/milepost/outbox.db'],
  corrupt: ['OUTBOX_CORRUPT', 'outbox', 'milepost watch'],
  failed: ['OUTBOX_FAILED', 'outbox', 'sudo systemctl restart milepost'],
} as const

function ofRunning({ sync }: AgentStatus): Finding[] {
  const check = 'outbox'
  if (!sync) return []
  const { state, lastError, path } = sync.outbox
  const known = CODES[state as keyof typeof CODES]
  if (known) {
    const [code, cause, command] = known
    return [
      {
        check,
        verdict: 'broken',
        code,
        finding: lastError?.message ?? `${path} is ${state}.`,
        next: lastError?.hint ?? 'Records wait in memory, and are lost when there are too many.',
        command: command.replace('/var/lib/milepost/outbox.db', path),
        cause,
      },
    ]
  }
  return [...refused(sync), ...kept(sync)]
}

/** What the other side refused lies aside here; what became of the rest is for the uplink to say. */
function refused({ outbox: { deadRecords }, uplink: { lastRejection } }: SyncStatus): Finding[] {
  if (deadRecords === 0) return []
  const why = lastRejection ? `: ${lastRejection.message}` : ' before this start.'
  return [
    {
      check: 'outbox',
      verdict: 'trouble',
      code: 'UPLINK_REJECTED',
      finding: `${deadRecords} records lie aside that the other side refused${why}`,
      next: lastRejection?.hint ?? 'Those behind them went on; the ledger says why.',
      command: 'milepost status',
      cause: 'uplink',
    },
  ]
}

function kept(sync: SyncStatus): Finding[] {
  const check = 'outbox'
  const lost = LANES.reduce((sum, lane) => {
    const { evicted, dropped } = sync.lanes[lane]
    return sum + evicted + dropped
  }, 0)
  if (lost > 0) {
    return [
      {
        check,
        verdict: 'note',
        code: 'RECORDS_LOST',
        finding: `${counted(lost, 'record')} had to give way since the outbox was made; the ledger tells of each.`,
        next: 'Give it more room (outbox.maxMiB), or collect less.',
        command: 'milepost buffer stat',
        cause: 'outbox',
      },
    ]
  }
  return [{ check, verdict: 'ok', code: 'OK', finding: 'Records are kept.', cause: 'outbox' }]
}

/** An outbox that nobody should be using. */
function atRest(path: string, vehicle: string | undefined): Finding {
  const check = 'outbox'
  try {
    const { ok, problems, vehicle: owner } = verifyOutbox(path)
    if (!ok) {
      return {
        check,
        verdict: 'broken',
        code: 'OUTBOX_CORRUPT',
        finding: `${path} is damaged: ${problems[0]}`,
        next: 'Put it aside and take over what can be read; then check the SD card.',
        command: 'milepost buffer repair',
        cause: 'outbox',
      }
    }
    if (vehicle !== undefined && owner !== undefined && owner !== vehicle) {
      return {
        check,
        verdict: 'broken',
        code: 'OUTBOX_FOREIGN',
        finding: `${path} belongs to vehicle ${owner}, the config says ${vehicle}.`,
        next: 'Set the vehicle back, or give this one a dataDir of its own.',
        command: 'milepost buffer export /media/usb/records.gz --take',
        cause: 'identity',
      }
    }
    return { check, verdict: 'ok', code: 'OK', finding: `${path} is whole.`, cause: 'outbox' }
  } catch (error) {
    const { code, message, hint } = complaintOf(error)
    if (!(error instanceof SyncError)) throw error
    const locked = code === 'OUTBOX_LOCKED'
    return {
      check,
      verdict: 'broken',
      code,
      finding: locked ? `Another process works with ${path}.` : message,
      ...(hint ? { next: hint } : {}),
      command: locked ? `sudo fuser -v ${path}` : 'milepost buffer verify',
      cause: locked ? 'other-agent' : 'outbox',
    }
  }
}

/** Files that were put aside because they were damaged. */
function asideIn(dataDir: string): Finding[] {
  let names: string[]
  try {
    names = readdirSync(dataDir).filter((name) => /\.corrupt-\d+$/.test(name))
  } catch {
    return []
  }
  if (names.length === 0) return []
  return [
    {
      check: 'outbox',
      verdict: 'note',
      code: 'OUTBOX_WAS_CORRUPT',
      finding: `A damaged outbox was put aside: ${names.join(', ')}.`,
      next: 'What could be read was taken over. A card that damages files is at its end: replace it.',
      command: 'dmesg | grep -iE "mmc|ext4|i/o error"',
      cause: 'outbox',
    },
  ]
}
