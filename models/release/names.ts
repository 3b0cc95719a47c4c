import { posix } from 'node:path'
import { ReleaseError } from './errors.ts'
import { RELEASE_KINDS, type ReleaseKind } from './release.ts'

/** The delegated roles: what may be run, and who runs it when. */
export const MODELS_ROLE = 'models'
export const ROLLOUT_ROLE = 'rollout'

/** Folders of a repository. */
export const METADATA_FOLDER = 'metadata/'
export const TARGETS_FOLDER = 'targets/'

/** What each kind of release is as a file. */
const EXTENSIONS: Readonly<Record<ReleaseKind, string>> = {
  bundle: 'tar',
  campaign: 'yaml',
  dbc: 'dbc',
}

/** Path patterns of the delegations: neither role can say a word about the other's paths. */
export const MODELS_PATHS: readonly string[] = RELEASE_KINDS.map((kind) => `${kind}/*/*`)
export const ROLLOUT_PATHS: readonly string[] = RELEASE_KINDS.map((kind) => `rollout/${kind}/*`)

/** No dot or dash first, so that no name is a hidden file, an option or a way out of a folder. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/
const VERSION = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/

/** @throws ReleaseError `RELEASE_INPUT` */
export function checkName(what: string, name: string): string {
  if ((what === 'version' ? VERSION : NAME).test(name)) return name
  throw new ReleaseError('RELEASE_INPUT', `"${name}" cannot be a ${what}`, {
    hint:
      what === 'version'
        ? 'Up to 64 letters, digits, dots, dashes, plus signs; a letter or digit first.'
        : 'Up to 64 small letters, digits, dots, dashes; a letter or digit first.',
  })
}

/** Where a release stands among the targets: `bundle/engine/3.tar`. */
export function releasePath(kind: ReleaseKind, name: string, version: string): string {
  return `${kind}/${name}/${version}.${EXTENSIONS[kind]}`
}

/** Where a rollout stands among the targets: `rollout/bundle/engine`. */
export function rolloutPath(kind: ReleaseKind, name: string): string {
  return `rollout/${kind}/${name}`
}

/** What a path says, if it is that of a release. */
export function parseReleasePath(
  path: string,
): { kind: ReleaseKind; name: string; version: string } | undefined {
  const [kind, name, file, ...rest] = path.split('/') as [ReleaseKind, string, string]
  if (!RELEASE_KINDS.includes(kind) || rest.length > 0 || !NAME.test(name ?? '')) return undefined
  const version = file?.slice(0, -EXTENSIONS[kind].length - 1) ?? ''
  return VERSION.test(version) && path === releasePath(kind, name, version)
    ? { kind, name, version }
    : undefined
}

export function parseRolloutPath(path: string): { kind: ReleaseKind; name: string } | undefined {
  const [first, kind, name, ...rest] = path.split('/') as [string, ReleaseKind, string]
  const fits =
    first === 'rollout' && rest.length === 0 && RELEASE_KINDS.includes(kind) && NAME.test(name)
  return fits ? { kind, name } : undefined
}

/** The file of a target under consistent snapshots (TUF §6.2): the hash stands before its name. */
export function consistentPath(path: string, hash: string): string {
  const { dir, base } = posix.parse(path)
  return posix.join(dir, `${hash}.${base}`)
}
