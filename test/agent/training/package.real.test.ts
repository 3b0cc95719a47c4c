import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { useCentral } from '../../support/central.ts'
import { ROOT } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { collectDrive, RECIPE, sendFleet, stored } from './fleet.ts'

const central = await useCentral()
const run = promisify(execFile)
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')

/** The program in the README of models, with the broker, topic and recipe that there are here. */
function example(topic: string): string {
  const page = readFileSync(join(ROOT, 'models/README.md'), 'utf8')
  const [, program] = /```ts\n(import [^`]*milepost\/history[^`]*)```/.exec(page) ?? []
  assert.ok(program, 'the page has a program')
  const told = program
    .replace('kafka:9092', central.bootstrap)
    .replace("'milepost.telemetry'", JSON.stringify(topic))
  assert.ok(told.includes(central.bootstrap) && told.includes(topic))
  return told
}

test('milepost/history, built: the program of the page has its types and trains', async (t) => {
  const drives = [81, 82].map((seed) => [
    central.unique('truck'),
    stored(collectDrive(seed, 150)),
  ]) as [string, ReturnType<typeof stored>][]
  const topic = await sendFleet(central, new Map(drives))

  const built = join(tempDir(t), 'milepost')
  mkdirSync(built)
  cpSync(join(ROOT, 'package.json'), join(built, 'package.json'))
  symlinkSync(join(ROOT, 'node_modules'), join(built, 'node_modules'))
  const dist = join(built, 'dist')
  await run(process.execPath, [TSC, '--outDir', dist], { cwd: ROOT })

  const project = tempDir(t)
  mkdirSync(join(project, 'node_modules'))
  symlinkSync(built, join(project, 'node_modules/milepost'))
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(project, 'truck.yaml'), RECIPE)
  writeFileSync(join(project, 'train.ts'), example(topic))
  const strict = ['--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022']
  await run(process.execPath, [TSC, ...strict, 'train.ts'], { cwd: project })
  const { stdout } = await run(process.execPath, ['train.js'], { cwd: project })
  const losses = (/\[([^\]]*)\]/.exec(stdout)?.[1] ?? '').split(',').map(Number)
  assert.equal(losses.length, 8, stdout)
  assert.ok(losses[7] < losses[0], stdout)
})
