import { writeFileSync } from 'node:fs'
import { openBundle, packBundle, unpackBundle } from '../../models/bundle/archive.ts'
import type { Bundle } from '../../models/bundle/load.ts'
import { type InputSpec, unitOf } from '../../models/features/spec.ts'
import { openNetwork } from '../../models/runtime/open.ts'
import type { RuntimeName } from '../../models/runtime.ts'
import { counted, formatBytes, formatCount, formatSpan, paint, short } from './output.ts'

export async function verify(
  dir: string,
  options: { hash?: string; json?: boolean; runtime?: RuntimeName },
): Promise<void> {
  const bundle = await openBundle(dir, options.hash)
  const { network, runtime } = await openNetwork(bundle, options.runtime)
  network.dispose()
  const { name, files, golden } = bundle.manifest
  const told = { name, hash: bundle.hash, runtime, files: files.length, golden: golden.rows.length }
  process.stdout.write(
    options.json
      ? `${JSON.stringify(told)}\n`
      : `${paint('green', 'verified', process.stdout)} ${name} ${bundle.hash}: ` +
          `${counted(files.length, 'file')}, ${counted(golden.rows.length, 'golden row')} on ${runtime}\n`,
  )
}

export async function show(dir: string, options: { json?: boolean }): Promise<void> {
  const bundle = await openBundle(dir)
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ hash: bundle.hash, ...bundle.manifest }, null, 2)}\n`)
    return
  }
  process.stdout.write(`${describe(bundle).join('\n')}\n`)
}

/** What of a column its name and unit do not tell. */
function madeOf({ name, signal, windowMs, over }: InputSpec): string {
  const parts = [
    ...(signal === name ? [] : [` of ${signal}`]),
    ...(over ? [` over ${over.signal}`] : []),
    ...(windowMs === undefined ? [] : [` in ${formatSpan(windowMs)}`]),
  ]
  return parts.length > 0 ? `;${parts.join('')}` : ''
}

function describe({ hash, manifest }: Bundle): string[] {
  const { features, threshold, alarm, trained } = manifest
  const { source } = trained
  const from =
    source.kind === 'topic'
      ? `topic ${source.topic}`
      : source.kind === 'dataset'
        ? `${source.name} (${source.licence})`
        : source.description
  const missing = ({ missing: rule }: (typeof features.inputs)[number]) =>
    rule.rule === 'hold'
      ? `held ${formatSpan(rule.maxAgeMs)}`
      : rule.rule === 'default'
        ? `else ${rule.value}`
        : 'else no row'
  return [
    `${manifest.name}  ${manifest.kind}  ${hash}`,
    manifest.description,
    '',
    `A row every ${formatSpan(features.sampleEveryMs)} from ${formatSpan(features.windowMs)} of readings:`,
    ...features.inputs.map(
      (input) =>
        `  ${input.name.padEnd(32)} ${unitOf(input).padEnd(8)} ${input.aggregate.padEnd(6)} ` +
        `${short(input.range.min)} … ${short(input.range.max)}, ${missing(input)}${madeOf(input)}`,
    ),
    ...(manifest.kind === 'regression'
      ? ['', `Estimated from the others: ${manifest.output.estimates.join(', ')}`]
      : []),
    '',
    `Threshold ${threshold.value} (${threshold.basis}): ${threshold.wanted.alarms} false alarm(s) per vehicle in ${threshold.wanted.hours} h wanted, ` +
      `${threshold.heldOutAlarms} seen in ${threshold.heldOutHours.toFixed(1)} h held out`,
    `An event begins after ${formatSpan(alarm.minDurationMs)} above it and ends after ${formatSpan(alarm.coolDownMs)} below ${alarm.clearRatio} of it`,
    `Trained on ${formatCount(trained.used)} of ${counted(trained.records, 'row')} of ${counted(trained.vehicles, 'vehicle')} from ${from}`,
    `by recipe ${trained.recipe.name}, seed ${trained.seed}, ${trained.codeVersion}`,
  ]
}

/** `milepost model pack`: the folder as one file, the same bytes each time. */
export async function pack(dir: string, options: { out: string }): Promise<void> {
  const packed = await packBundle(dir, { gzip: /\.t?gz$/.test(options.out) })
  writeFileSync(options.out, packed)
  process.stdout.write(`packed ${options.out}, ${formatBytes(packed.length)}\n`)
}

/** `milepost model unpack`: the folder back, verified before it is there. */
export async function unpack(
  archive: string,
  options: { out: string; hash?: string },
): Promise<void> {
  const { hash, manifest } = await unpackBundle(archive, options.out, options.hash)
  process.stdout.write(`unpacked ${manifest.name} ${hash} to ${options.out}\n`)
}
