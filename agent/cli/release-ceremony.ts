import { readFile, writeFile } from 'node:fs/promises'
import {
  applyProposal,
  type Proposal,
  proposeRoot,
  signProposal,
} from '../../models/release/repository/ceremony.ts'
import { KeyRing } from '../../models/release/repository/keys.ts'
import type { RoleName } from '../../models/release/repository/roles.ts'
import { AgentError } from '../error.ts'
import { atDesk, type DeskFlags, keysDir } from './release-desk.ts'
import { passphrasesOf } from './release-passphrases.ts'
import { print, printJson, signedLine } from './release-show.ts'

/** Writes the next root for its holders. */
export async function propose(
  flags: DeskFlags & { replace?: string; out: string },
  role?: RoleName,
): Promise<void> {
  await atDesk(flags, async ({ store, keys }) => {
    const proposal = await proposeRoot({ store, keys }, role, flags.replace)
    await writeFile(flags.out, proposal.bytes)
    tell(proposal, flags.out, flags)
  })
}

export async function sign(file: string, flags: DeskFlags): Promise<void> {
  // No repository is needed: this machine has no network.
  const keys = await KeyRing.open(keysDir(flags), passphrasesOf(flags.passphraseFile))
  const proposal = await signProposal(keys, await readProposal(file))
  await writeFile(file, proposal.bytes)
  tell(proposal, file, flags)
}

export async function apply(file: string, flags: DeskFlags): Promise<void> {
  const bytes = await readProposal(file)
  await atDesk(flags, async ({ store, keys }) => {
    const { signed } = await applyProposal({ store, keys }, bytes)
    if (flags.json) printJson({ signed })
    else print(signedLine(signed))
  })
}

function readProposal(file: string): Promise<Buffer> {
  return readFile(file).catch((error) => {
    throw new AgentError('USAGE', `${file}: ${error.message}`, { cause: error })
  })
}

function tell(proposal: Proposal, file: string, flags: DeskFlags): void {
  const { version, before, own, complete } = proposal
  if (flags.json) {
    printJson({ file, version, before, own, complete })
    return
  }
  print(
    `${file}: root ${version}, signed by ${before.have} of ${before.need} old and ${own.have} of ${own.need} new keys`,
  )
  print(
    complete
      ? 'Next: milepost release key apply, where the online keys are'
      : 'Next: take it to the next holder of a root key: milepost release key sign',
  )
}
