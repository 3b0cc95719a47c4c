import type { RolloutStage } from '../../models/release/entry.ts'
import { RELEASE_KINDS, type ReleaseKind } from '../../models/release/release.ts'
import { checkRepository } from '../../models/release/repository/check.ts'
import { initRepository } from '../../models/release/repository/init.ts'
import { mirrorRepository } from '../../models/release/repository/mirror.ts'
import { ROLES } from '../../models/release/repository/roles.ts'
import { keyUses, renewRoot, rotateKey } from '../../models/release/repository/rotate.ts'
import { isRole } from '../../models/release/repository/sign.ts'
import { openStore } from '../../models/release/repository/store.ts'
import { openSource } from '../../models/release/source/open.ts'
import { AgentError } from '../error.ts'
import { counted, EXIT, formatBytes } from './output.ts'
import { propose } from './release-ceremony.ts'
import { readContent } from './release-content.ts'
import {
  atDesk,
  type DeskFlags,
  inWorkDir,
  repositoryAddress,
  trustedRootOf,
} from './release-desk.ts'
import { ByteMeter } from './release-meter.ts'
import {
  keyLine,
  print,
  printJson,
  printReport,
  releaseLine,
  rolloutLine,
  signedLine,
} from './release-show.ts'
import { stopAsked } from './stop-asked.ts'

export interface InitFlags extends DeskFlags {
  rootKeys: number
  rootThreshold: number
  expires?: Record<string, number>
}

export async function init(flags: InitFlags): Promise<void> {
  await atDesk(flags, async ({ store, keys }) => {
    const { rootKeys, rootThreshold, expires } = flags
    const { rootPath } = await initRepository({
      store,
      keys,
      rootKeys,
      rootThreshold,
      expiryDays: expires,
    })
    if (flags.json) return printJson({ repository: store.name, root: rootPath })
    print(`an empty repository in ${store.name}`)
    print(`${rootPath} goes to every vehicle; ${keys.dir} holds the keys`)
    print('Next: move root-*, targets-1 and models-1 to media that are not on a network.')
  })
}

export async function keyList(flags: DeskFlags): Promise<void> {
  await atDesk(flags, async ({ store, keys }) => {
    const uses = await keyUses({ store, keys })
    if (flags.json) printJson(uses)
    else for (const use of uses) print(keyLine(use))
  })
}

export async function keyRotate(
  role: string,
  flags: DeskFlags & { replace?: string; out?: string },
): Promise<void> {
  if (!isRole(role)) {
    throw new AgentError('USAGE', `there is no role ${role}`, {
      hint: `Roles: ${ROLES.join(', ')}.`,
    })
  }
  if (flags.out) return propose({ ...flags, out: flags.out }, role)
  await atDesk(flags, async ({ store, keys }) => {
    const { key, signed } = await rotateKey({ store, keys }, role, flags.replace, stopAsked())
    if (flags.json) printJson({ key, signed })
    else print(`${key} signs for ${role} now; ${signedLine(signed)}`)
  })
}

export async function keyRenew(flags: DeskFlags & { out?: string }): Promise<void> {
  if (flags.out) return propose({ ...flags, out: flags.out })
  await atDesk(flags, async ({ store, keys }) => {
    const { signed } = await renewRoot({ store, keys }, stopAsked())
    if (flags.json) printJson({ signed })
    else print(signedLine(signed))
  })
}

export async function add(
  kind: string,
  file: string,
  wantedVersion: string | undefined,
  flags: DeskFlags & { name?: string },
): Promise<void> {
  const content = await readContent(kindOf(kind), file)
  const version = wantedVersion ?? content.version
  if (version === undefined) {
    throw new AgentError('USAGE', `which version of the ${kind} is it?`, {
      hint: `milepost release add ${kind} ${file} 1`,
    })
  }
  await atDesk(flags, async ({ repository }) => {
    const name = flags.name ?? content.name
    const release = await repository.add(kindOf(kind), name, version, content.bytes)
    if (flags.json) return printJson(release)
    print(`drafted ${releaseLine(release)}`)
    print('Next: milepost release publish')
  })
}

export async function withdraw(kind: string, name: string, version: string, flags: DeskFlags) {
  await atDesk(flags, async ({ repository }) => {
    await repository.withdraw(kindOf(kind), name, version)
    print(`${kind} ${name} ${version} goes with the next publish`)
  })
}

export async function publish(flags: DeskFlags & { online?: boolean }): Promise<void> {
  await atDesk(flags, async ({ repository }) => {
    const stop = stopAsked()
    if (flags.online) {
      const renewed = await repository.renew(stop)
      if (flags.json) return printJson({ signed: renewed?.signed ?? [] })
      return print(signedLine(renewed?.signed ?? []))
    }
    const published = await repository.publish(stop)
    if (flags.json) return printJson(published)
    for (const release of published.added) print(`+ ${releaseLine(release)}`)
    for (const path of published.withdrawn) print(`- ${path}`)
    print(signedLine(published.signed))
  })
}

export interface RolloutFlags extends DeskFlags {
  percent?: number
  stages?: RolloutStage[]
  base?: string
  seed?: string
  note?: string
  advance?: boolean
  stage?: string
  abort?: boolean
  pause?: boolean
}

export async function rollout(
  kind: string | undefined,
  name: string | undefined,
  version: string | undefined,
  flags: RolloutFlags,
): Promise<void> {
  await atDesk(flags, async ({ repository }) => {
    if (kind === undefined || name === undefined) {
      const all = await repository.rollouts()
      if (flags.json) return printJson(all)
      for (const each of all) print(rolloutLine(each))
      return
    }
    const of = kindOf(kind)
    const { note } = flags
    const changed = flags.abort
      ? await repository.abort(of, name, note)
      : flags.advance || flags.stage
        ? await repository.advance(of, name, flags.stage)
        : flags.pause
          ? await repository.updateRollout(of, name, (entry) => ({
              ...entry,
              state: 'paused',
              note,
            }))
          : await repository.start(of, name, startOf(version, flags))
    if (flags.json) printJson(changed)
    else print(rolloutLine(changed))
  })
}

function startOf(version: string | undefined, flags: RolloutFlags) {
  if (version === undefined) {
    throw new AgentError('USAGE', 'which version is to be rolled out?', {
      hint: 'milepost release rollout bundle engine 3 --percent 10',
    })
  }
  const { percent, base, seed, note } = flags
  const stages =
    flags.stages ??
    (percent === undefined || percent === 100
      ? undefined
      : [
          { name: 'first', percent },
          { name: 'all', percent: 100 },
        ])
  return { version, stages, base, seed, note }
}

export interface ReadFlags {
  repository?: string
  keys?: string
  root?: string
  json?: boolean
}

export async function verify(
  flags: ReadFlags & { vehicle?: string; metadataOnly?: boolean },
): Promise<void> {
  const source = await openSource(repositoryAddress(flags))
  const meter = new ByteMeter()
  try {
    const trustedRoot = await trustedRootOf(flags)
    const report = await inWorkDir((workDir) =>
      checkRepository({
        source,
        trustedRoot,
        workDir,
        vehicle: flags.vehicle,
        withReleases: !flags.metadataOnly,
        signal: stopAsked(),
        onProgress: (progress) => meter.show(progress),
      }),
    )
    meter.clear()
    if (flags.json) printJson(report)
    else printReport(report, flags.vehicle)
    const isBad = report.problems.some(({ severity }) => severity === 'error')
    process.exitCode = isBad ? EXIT.failed : EXIT.done
  } finally {
    meter.clear()
    await source.close()
  }
}

export async function mirror(
  to: string,
  flags: ReadFlags & { onlyRollout?: boolean },
): Promise<void> {
  const source = await openSource(repositoryAddress(flags))
  const store = await openStore(to)
  const meter = new ByteMeter()
  try {
    const trustedRoot = await trustedRootOf(flags)
    const done = await inWorkDir((workDir) =>
      mirrorRepository({
        source,
        store,
        trustedRoot,
        workDir,
        onlyRollout: flags.onlyRollout,
        signal: stopAsked(),
        onProgress: (progress) => meter.show(progress),
      }),
    )
    meter.clear()
    if (flags.json) return printJson(done)
    print(
      `${counted(done.copied, 'release')} (${formatBytes(done.copiedBytes)}) copied, ${done.present} were there`,
    )
  } finally {
    meter.clear()
    await source.close()
    await store.close()
  }
}

function kindOf(kind: string): ReleaseKind {
  const found = RELEASE_KINDS.find((each) => each === kind)
  if (found) return found
  throw new AgentError('USAGE', `"${kind}" is no kind of release`, {
    hint: `Kinds: ${RELEASE_KINDS.join(', ')}.`,
  })
}
