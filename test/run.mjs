// Runs the tests: `node test/run.mjs [fast|real|all] [path part …]`.
// fast: `*.test.ts`, no server needed. real: `*.real.test.ts`, against Apache Kafka and an S3 server.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const args = process.argv.slice(2)
const group = ['fast', 'real', 'all'].includes(args[0]) ? args.shift() : 'all'

function walk(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)],
  )
}

const files = walk('test')
  .filter((file) => file.endsWith('.test.ts'))
  .filter((file) => group === 'all' || file.endsWith('.real.test.ts') === (group === 'real'))
  .filter((file) => args.length === 0 || args.some((part) => file.includes(part)))
  .sort()
if (files.length === 0) {
  console.error(`No test file matches ${[group, ...args].join(' ')}.`)
  process.exit(2)
}
const result = spawnSync(
  process.execPath,
  ['--import', 'tsx', '--test', '--test-timeout=300000', ...files],
  { stdio: 'inherit' },
)
process.exit(result.status ?? 1)
