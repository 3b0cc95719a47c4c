import type { ReleaseKind } from '../../models/release/release.ts'
import type { Report } from '../../models/release/repository/check.ts'
import type { Rollout } from '../../models/release/repository/rollouts.ts'
import type { KeyUse } from '../../models/release/repository/rotate.ts'
import { counted, formatBytes, paint } from './output.ts'

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2))
}

export function signedLine(signed: readonly { role: string; version: number }[]): string {
  return `signed ${signed.map(({ role, version }) => `${role} ${version}`).join(', ')}`
}

export function rolloutLine({ kind, name, entry }: Rollout): string {
  const base = entry.base ? `else ${entry.base.version}` : 'else none'
  const stages = entry.stages
    .map(({ name: stage, percent }) => `${stage}${stage === entry.stage ? '*' : ''}:${percent}`)
    .join(',')
  const note = entry.note ? `  (${entry.note})` : ''
  return `${kind} ${name}  ${entry.candidate.version} to ${entry.percent} %, ${base}  ${entry.state}  ${stages}${note}`
}

export function keyLine({ name, role, threshold, offline, here }: KeyUse): string {
  if (!role) return `${name.padEnd(14)} no role${here ? '' : '  not here'}`
  const where = `${offline ? 'offline' : 'online'}${here ? '' : ', not here'}`
  const needs = threshold! > 1 ? `, ${threshold} are needed` : ''
  return `${name.padEnd(14)} ${role.padEnd(10)} ${where}${needs}`
}

export function releaseLine(release: {
  kind: ReleaseKind
  name: string
  version: string
  length: number
  sha256: string
}): string {
  const { kind, name, version, length, sha256 } = release
  return `${kind} ${name} ${version}  ${formatBytes(length)}  sha256 ${sha256}`
}

export function printReport(report: Report, vehicle: string | undefined): void {
  for (const { role, version, expires, keys, threshold } of report.roles) {
    const until = `valid to ${expires.slice(0, 10)}`
    print(
      `${role.padEnd(10)} ${String(version).padStart(4)}  ${until}  ${threshold} of ${keys} keys`,
    )
  }
  if (report.roles.length > 0) print(`${counted(report.releases.length, 'release')} approved`)
  for (const release of report.plan?.releases ?? []) {
    const { stage, candidate, place } = release.rollout
    const why = candidate ? `stage ${stage}` : 'base'
    print(
      `${vehicle} has ${release.kind} ${release.name} ${release.version} (${why}, place ${place})`,
    )
  }
  if (vehicle !== undefined && report.plan?.releases.length === 0) print(`${vehicle} has nothing`)
  for (const { severity, code, message, hint } of report.problems) {
    const style = severity === 'error' ? 'red' : 'yellow'
    print(`${paint(style, `${severity} ${code}:`, process.stdout)} ${message}`)
    if (hint) print(`  Next: ${hint}`)
  }
  const errors = report.problems.filter(({ severity }) => severity === 'error').length
  const warnings = report.problems.length - errors
  const last =
    errors > 0 ? `${errors} errors` : warnings > 0 ? `good, ${warnings} warnings` : 'good'
  print(paint(errors > 0 ? 'red' : 'green', last, process.stdout))
}
