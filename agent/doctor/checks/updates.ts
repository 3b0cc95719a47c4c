import type { Complaint } from '../../error.ts'
import type { UpdatesStatus } from '../../updates/part.ts'
import type { Check } from '../scene.ts'

/** What a release is refused for that nobody who may sign has signed. */
const UNSIGNED = new Set(['RELEASE_UNAPPROVED', 'RELEASE_METADATA', 'RELEASE_HASH', 'RELEASE_ROOT'])

/** Releases come, and are signed by whom they should be. */
export const updatesCheck: Check = {
  name: 'updates',
  async run({ status, config, probes }) {
    const check = 'updates'
    const cause = 'release'
    const root = config?.updates?.root
    if (root !== undefined && !probes.exists(root)) {
      return [
        {
          check,
          verdict: 'broken',
          code: 'RELEASE_ROOT',
          finding: `updates.root: there is no ${root}: no release can be trusted.`,
          next: 'Copy the root metadata of the fleet to the vehicle, by a way that you trust.',
          command: `ls -l ${root}`,
          cause,
        },
      ]
    }
    const told = status?.parts.updates as UpdatesStatus | undefined
    if (!told) return []
    const error = told.lastLook?.error ?? lastRefusal(told)
    if (!error) return [{ check, verdict: 'ok', code: 'OK', finding: 'Nothing is wrong.', cause }]
    const { code, message, hint } = error
    const unsigned = UNSIGNED.has(code)
    return [
      {
        check,
        verdict: unsigned ? 'broken' : 'trouble',
        code,
        finding: message,
        next:
          hint ??
          (unsigned
            ? 'Nothing was installed. Have the release signed by those who may; if nobody made it, tell the fleet: somebody may be trying to get in.'
            : 'It is tried again by itself.'),
        command: 'milepost events --type "update*,release*"',
        cause,
      },
    ]
  },
}

/** A release that was refused or failed after the look that found it; barred ones did so long ago. */
function lastRefusal({ steps }: UpdatesStatus): Complaint | undefined {
  const last = steps.at(-1)
  if (!last || !['refused', 'failed'].includes(last.phase) || last.code === 'BARRED')
    return undefined
  const code = last.code ?? 'RELEASE_REFUSED'
  return { code, message: `${last.release ?? 'A release'}: ${last.reason ?? last.phase}` }
}
