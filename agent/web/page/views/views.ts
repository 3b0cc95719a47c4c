import type { ComponentType } from 'preact'
import { Captures } from './captures.tsx'
import { Doctor } from './doctor.tsx'
import { Faults } from './faults.tsx'
import { History } from './history.tsx'
import { Inferences } from './inferences.tsx'
import { Overview } from './overview.tsx'
import { Signals } from './signals.tsx'
import { Support } from './support.tsx'
import { SyncView } from './sync.tsx'
import { Updates } from './updates.tsx'

/** The views by the names that `route.ts` has for them. */
export const VIEWS: Readonly<Record<string, ComponentType>> = {
  overview: Overview,
  signals: Signals,
  faults: Faults,
  sync: SyncView,
  inferences: Inferences,
  captures: Captures,
  history: History,
  updates: Updates,
  doctor: Doctor,
  support: Support,
}
