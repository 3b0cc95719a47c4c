import type { Metadata, Root, Snapshot, Targets, Timestamp } from '@tufjs/models'
import { ReleaseError } from '../errors.ts'
import { OFFLINE_ROLES } from './roles.ts'

/** The repository as it stands, verified from the root that lies beside the keys. */
export interface State {
  readonly root: Metadata<Root>
  readonly timestamp: Metadata<Timestamp>
  readonly snapshot: Metadata<Snapshot>
  readonly targets: Metadata<Targets>
  readonly models: Metadata<Targets>
  readonly rollout: Metadata<Targets>
  /** The very bytes of the timestamp: whoever publishes meanwhile changes them. */
  readonly timestampBytes: Buffer
}

/** Roles that get new contents; the others are signed anew when they are due. */
export interface Change {
  readonly root?: Root
  /** Instead of `root`: the next root as its holders have signed it, one after the other. */
  readonly signedRoot?: Metadata<Root>
  readonly targets?: Targets
  readonly models?: Targets
  readonly rollout?: Targets
}

/** The root that holds once the change is published. */
export function rootAfter(state: State, change: Change): Root {
  return change.signedRoot?.signed ?? change.root ?? state.root.signed
}

/** A timestamp over metadata that has expired would be refused by every vehicle. */
export function mustBeValid(state: State, next: Change, nowMs: number): void {
  for (const role of ['root', 'targets', 'models', 'rollout'] as const) {
    const { expires } = state[role].signed
    const isNew = next[role] || (role === 'root' && next.signedRoot)
    if (isNew || Date.parse(expires) > nowMs) continue
    throw new ReleaseError('RELEASE_EXPIRED', `${role} expired on ${expires.slice(0, 10)}`, {
      hint:
        role === 'root'
          ? 'Sign a new one with the keys of root: `milepost release key renew root`.'
          : `Sign it anew where its key is: \`milepost release publish\`${OFFLINE_ROLES.has(role) ? ' with the offline keys' : ''}.`,
    })
  }
}
