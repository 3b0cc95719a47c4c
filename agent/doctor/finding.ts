/**
 * `broken`: something that should work does not. `trouble`: it works, and not as it should or not for
 * long. `note`: worth knowing. `ok`: looked at, and well.
 */
export type Verdict = 'broken' | 'trouble' | 'note' | 'ok'

const VERDICTS: readonly Verdict[] = ['broken', 'trouble', 'note', 'ok']

/** What one check found. */
export interface Finding {
  /** What was looked at: `disk`, `sensor engine`. */
  readonly check: string
  readonly verdict: Verdict
  /** A word for programs, in capitals; of the error, where there was one. */
  readonly code: string
  /** What is the matter, in a sentence. */
  readonly finding: string
  /** What to do next, in words. */
  readonly next?: string
  /** The command that mends it, or shows more where no command can. */
  readonly command?: string
  /**
   * Where it stands among findings of the same verdict: a cause before what follows from it. The order
   * is that of `CAUSES`.
   */
  readonly cause: Cause
}

/** From the ground up: what stands first explains what stands after it. */
export const CAUSES = [
  'config',
  'permission',
  'data',
  'disk',
  'memory',
  'clock',
  'secret',
  'certificate',
  'other-agent',
  'outbox',
  'dbc',
  'bundle',
  'device',
  'bus',
  'sensor',
  'identity',
  'uplink',
  'release',
  'model',
  'agent',
  'other',
] as const
export type Cause = (typeof CAUSES)[number]

/** The worst first; of equals, the cause before what follows from it. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  const weight = ({ verdict, cause }: Finding): number =>
    VERDICTS.indexOf(verdict) * CAUSES.length + CAUSES.indexOf(cause)
  return [...findings].sort((a, b) => weight(a) - weight(b))
}
