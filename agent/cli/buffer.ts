import { resolve } from 'node:path'
import { Command } from 'commander'
import { SyncError } from '../../sync/errors.ts'
import { decryptOutbox, encryptOutbox } from '../../sync/outbox/encrypt.ts'
import type { KeySource } from '../../sync/outbox/key.ts'
import { Outbox } from '../../sync/outbox/outbox.ts'
import type { OutboxStat } from '../../sync/outbox/stat.ts'
import { verifyOutbox } from '../../sync/outbox/verify.ts'
import { RelayStore } from '../../sync/relay/store.ts'
import type { SyncStatus } from '../../sync/sync-thread.ts'
import { exportRecords } from '../../sync/transfer/export.ts'
import { importRecords } from '../../sync/transfer/import.ts'
import { bootId, systemClock } from '../clock.ts'
import { loadConfig } from '../config/load.ts'
import { ask, isAnswering } from '../control/client.ts'
import { socketPath } from '../control/socket-path.ts'
import { outboxPath, prepareDataDir, relayPath } from '../data-dir.ts'
import { AgentError } from '../error.ts'
import type { AgentStatus } from '../status.ts'
import { outboxAtRest } from './outbox-at-rest.ts'
import { counted, EXIT, fail, formatBytes, formatCount } from './output.ts'
import { configOf, placeOf } from './place.ts'

interface Options {
  config?: string
  dataDir?: string
  json?: boolean
}

export function bufferCommand(): Command {
  const command = new Command('buffer').addHelpText(
    'after',
    `
Examples:
  milepost buffer stat -c milepost.yaml            what waits, and what it takes on the disk
  milepost buffer verify --data-dir /var/lib/milepost
  milepost buffer encrypt -c milepost.yaml         with the key that outbox.key names
  milepost buffer export /media/usb/truck-7.gz     copy what waits; --take moves it
  milepost buffer import /media/usb/truck-7.gz -c depot.yaml   each record once

All but stat and import want the agent stopped.`,
  )
  const add = (name: string, what: string, run: (options: Options, ...args: string[]) => unknown) =>
    command
      .command(name)
      .description(what)
      .option('-c, --config <file>', 'the agent’s config')
      .option('--data-dir <folder>', 'the agent’s data folder, instead of a config')
      .option('--json', 'for a program')
      .action(async (...given: unknown[]) => {
        // Commander gives arguments, options, command.
        const args = given.slice(0, -2) as string[]
        const options = given.at(-2) as Options
        try {
          await run(options, ...args)
        } catch (error) {
          fail(error)
        }
      })
  add('stat', 'what waits, by lane, and the bytes on the disk', stat)
  add('verify', 'check every page, row and chain; exit code 1 where something is wrong', verify)
  add('repair', 'put a damaged outbox aside and take over all that can be read', repair)
  add('encrypt', 'encrypt a plain outbox with the config’s outbox.key, in place', encrypt)
  add('decrypt', 'the way back', decrypt)
  add('export <file>', 'write what waits into a file that travels by hand', exportTo).option(
    '--take',
    'take the records out of the outbox once the file is on its disk',
  )
  add(
    'import <file>',
    'take a vehicle’s export into this depot’s relay, each record once',
    importOf,
  )
  return command
}

async function stat(options: Options): Promise<void> {
  const dataDir = dataDirOf(options)
  const socket = socketPath(dataDir)
  if (await isAnswering(socket)) {
    const { sync } = await ask<AgentStatus>(socket, 'GET', '/status')
    if (!sync) throw new AgentError('AGENT_DOWN', 'The agent is only just starting; ask again.')
    return show(options, { running: true, ...sync.outbox, lanes: sync.lanes }, statLines(sync))
  }
  await withOutbox(dataDir, keyOf(options), (outbox) => {
    const found = outbox.stat()
    show(options, { running: false, ...found }, statLines({ lanes: found.lanes, outbox: found }))
  })
}

function statLines(status: {
  lanes: OutboxStat['lanes']
  outbox: Pick<OutboxStat, 'fileBytes' | 'walBytes' | 'deadRecords'> &
    Partial<Pick<SyncStatus['outbox'], 'writtenBytesPerRecord'>>
}): string[] {
  const { fileBytes, walBytes, deadRecords, writtenBytesPerRecord } = status.outbox
  const written = writtenBytesPerRecord
    ? [`${formatBytes(writtenBytesPerRecord)} written to disk per record`]
    : []
  return [
    ...Object.entries(status.lanes).map(
      ([lane, { records, bytes, evicted, dropped }]) =>
        `${lane.padEnd(9)} ${formatCount(records)} waiting, ${formatBytes(bytes)}, ${formatCount(evicted)} evicted, ${formatCount(dropped)} dropped`,
    ),
    `on disk   ${formatBytes(fileBytes)}, of it ${formatBytes(walBytes)} log, ${formatCount(deadRecords)} dead records`,
    ...written,
  ]
}

async function verify(options: Options): Promise<void> {
  const dataDir = dataDirOf(options)
  await refuseRunning(dataDir)
  const found = verifyOutbox(outboxPath(dataDir), keyOf(options))
  show(options, found, [
    found.ok ? `${found.path}: all is well` : `${found.path}: damaged`,
    ...found.problems.map((problem) => `  ${problem}`),
    ...(found.ok ? [] : ['Next: milepost buffer repair']),
  ])
  if (!found.ok) process.exitCode = EXIT.failed
}

async function repair(options: Options): Promise<void> {
  const dataDir = dataDirOf(options)
  await refuseRunning(dataDir)
  const before = verifyOutbox(outboxPath(dataDir), keyOf(options))
  const vehicle = before.vehicle ?? vehicleOf(options)
  const outbox = Outbox.open({
    path: outboxPath(dataDir),
    vehicle,
    bootId: bootId(),
    ...(keyOf(options) && { key: keyOf(options) }),
    // All of it is checked, however large: whoever calls this has the time.
    limits: { maxCheckedBytes: Number.MAX_SAFE_INTEGER },
  })
  try {
    while (outbox.salvaging) outbox.tend()
    const { lanes, epoch } = outbox.stat()
    const records = Object.values(lanes).reduce((sum, lane) => sum + lane.records, 0)
    const aside = outbox.quarantined?.file
    show(options, { wasOk: before.ok, epoch, aside, records, lanes }, [
      aside
        ? `${counted(records, 'record')} taken over under the new epoch ${epoch}; the old file is ${aside}`
        : 'nothing to repair',
    ])
  } finally {
    outbox.close()
  }
}

async function encrypt(options: Options): Promise<void> {
  const path = await rewritable(options)
  encryptOutbox(path, requiredKey(options))
  show(options, { path, encrypted: true }, [`${path} is encrypted`])
}

async function decrypt(options: Options): Promise<void> {
  const path = await rewritable(options)
  decryptOutbox(path, requiredKey(options))
  const next = 'take outbox.key out of the config before the agent starts'
  show(options, { path, encrypted: false }, [`${path} is plain`, `Next: ${next}`])
}

async function rewritable(options: Options): Promise<string> {
  const dataDir = dataDirOf(options)
  await refuseRunning(dataDir)
  return outboxPath(dataDir)
}

function requiredKey(options: Options): KeySource {
  const key = keyOf(options)
  if (key) return key
  throw new AgentError('USAGE', 'No key is named.', {
    hint: 'Set outbox.key in the config (a file, or a command), and name the config with -c.',
  })
}

async function exportTo(options: Options & { take?: boolean }, file: string): Promise<void> {
  const dataDir = dataDirOf(options)
  await refuseRunning(dataDir)
  await withOutbox(dataDir, keyOf(options), async (outbox) => {
    // What an earlier damage left to be taken over belongs to it.
    while (outbox.salvaging) outbox.tend()
    const exported = await exportRecords(outbox, resolve(file), systemClock.nowUs())
    if (options.take) outbox.surrender(exported.positions, `exported to ${exported.file}`)
    show(options, { ...exported, taken: options.take === true }, [
      `${counted(exported.records, 'record')} of ${exported.vehicle} in ${exported.file}${options.take ? ', and no longer in the outbox' : ''}`,
    ])
  })
}

async function importOf(options: Options, file: string): Promise<void> {
  const dataDir = dataDirOf(options)
  prepareDataDir(dataDir)
  const store = RelayStore.open(relayPath(dataDir))
  try {
    const imported = await importRecords(store, resolve(file))
    const { vehicle, records, kept, duplicates } = imported
    show(options, imported, [
      `${counted(records, 'record')} of ${vehicle}: ${formatCount(kept)} taken in, ${formatCount(duplicates)} had been here before`,
    ])
  } finally {
    store.close()
  }
}

function show(options: Options, data: unknown, lines: readonly string[]): void {
  const text = options.json ? JSON.stringify(data, null, 2) : lines.join('\n')
  process.stdout.write(`${text}\n`)
}

/** Looks into the outbox; a damaged one is left as it is, for `repair` to take up. */
async function withOutbox(
  dataDir: string,
  key: KeySource | undefined,
  work: (outbox: Outbox) => void | Promise<void>,
): Promise<void> {
  const path = outboxPath(dataDir)
  let outbox: Outbox | undefined
  try {
    outbox = await outboxAtRest(path, key)
    await work(outbox)
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'OUTBOX_CORRUPT') throw error
    throw new SyncError(error.code, error.message, {
      cause: error,
      hint: 'Nothing was changed. "milepost buffer verify" tells more, "milepost buffer repair" saves what can be read.',
    })
  } finally {
    outbox?.close()
  }
}

/** An encrypted outbox needs the config, which says where the key is. */
function keyOf(options: Options): KeySource | undefined {
  return configOf(options)?.outbox.key
}

function dataDirOf(options: Options): string {
  return placeOf(options).dataDir
}

/** A damaged file may no longer say whose it is. */
function vehicleOf({ config }: Options): string {
  if (config) return loadConfig(config).vehicle
  throw new AgentError('USAGE', 'The damaged file does not tell its vehicle.', {
    hint: 'Name the agent’s config with -c.',
  })
}

async function refuseRunning(dataDir: string): Promise<void> {
  if (!(await isAnswering(socketPath(dataDir)))) return
  throw new AgentError('AGENT_RUNNING', `An agent works with ${dataDir}.`, {
    hint: 'Stop it first, for instance with "systemctl stop milepost".',
  })
}
