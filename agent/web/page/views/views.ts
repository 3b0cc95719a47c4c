import type { ComponentType } from 'preact'
import { Overview } from './overview.tsx'
import { Signals } from './signals.tsx'
import { SyncView } from './sync.tsx'

/** The views by the names that `route.ts` has for them. */
export const VIEWS: Readonly<Record<string, ComponentType>> = {
  overview: Overview,
  signals: Signals,
  sync: SyncView,
}
