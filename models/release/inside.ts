import type { Metadata, Root, Snapshot, Targets, Timestamp } from '@tufjs/models'
import type { Updater } from 'tuf-js'
import { ReleaseError } from './errors.ts'

/**
 * What tuf-js has verified. It keeps this to itself, and so it does with the time that it compares
 * expiry with; we need both, and look into it in this file alone. A version of tuf-js that is made
 * otherwise is noticed at the first refresh, not by wrong answers.
 */
export interface Verified {
  readonly root: Metadata<Root>
  readonly timestamp: Metadata<Timestamp> | undefined
  readonly snapshot: Metadata<Snapshot> | undefined
  readonly targets: Metadata<Targets> | undefined
  getRole(name: string): Metadata<Targets> | undefined
}

/** Sets the time with which an updater compares expiry; answers a view of what it verified. */
export function lookInside(updater: Updater, referenceMs: number): Verified {
  const store = Reflect.get(updater, 'trustedSet')
  if (!(Reflect.get(store ?? {}, 'referenceTime') instanceof Date)) {
    throw new ReleaseError('RELEASE_METADATA', 'this version of tuf-js keeps its time elsewhere', {
      hint: 'Install the version of tuf-js that package-lock.json names.',
    })
  }
  Reflect.set(store, 'referenceTime', new Date(referenceMs))
  return store as Verified
}
