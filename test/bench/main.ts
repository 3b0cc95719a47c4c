// `npm run bench [-- NAME …]`: each figure beside a named peer's, measured in the same run.
import { cpus } from 'node:os'
import type { BenchRow } from './bench.ts'
import { BENCHES, ON_REQUEST } from './benches.ts'

const args = process.argv.slice(2)
const json = args.includes('--json')
const wanted = args.filter((arg) => !arg.startsWith('-'))
const unknown = wanted.filter((name) => !(name in BENCHES))
if (unknown.length || args.includes('--help')) {
  const known = Object.keys(BENCHES).join(', ')
  if (unknown.length) console.error(`No bench is called ${unknown.join(', ')}.`)
  console.error(`npm run bench [-- NAME …] [--json]\nBenches: ${known}`)
  process.exit(unknown.length ? 2 : 0)
}

const rows: BenchRow[] = []
const usual = Object.keys(BENCHES).filter((name) => !ON_REQUEST.has(name))
for (const name of wanted.length ? wanted : usual) {
  console.error(`… ${name}`)
  rows.push(...(await (await BENCHES[name]()).bench()))
}

if (json) console.log(JSON.stringify(rows, null, 2))
else {
  console.log(`Node.js ${process.version}, ${cpus().length} × ${cpus()[0].model}`)
  for (const { name, unit, ours, peer, theirs, ratio } of rows) {
    console.log(
      `${name.padEnd(44)} ${figure(ours)} ${unit.padEnd(10)} ${ratio.toFixed(2).padStart(7)} × ${peer} (${figure(theirs)})`,
    )
  }
}
process.exit(0)

function figure(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 2 : 0 }).padStart(12)
}
