// `npm run test:fuzz [-- --seed N] [--http] [path part …]`: every fuzz test in full, which is minutes; with
// `--http` the enemies of the page's server alone. The same files run in short form as part of `npm test`.
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' }, http: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const seed = Number(values.seed ?? 20_261_123)
if (!Number.isSafeInteger(seed)) {
  console.error('--seed takes a whole number')
  process.exit(2)
}
const HTTP = 'web/bad-input'
console.log(
  `# seed ${seed}; ${values.http ? '' : '1,000,000 frames, 1,000,000 serial chunks, 10,000 DBC files, 10,000 logs, '}10,000 requests, 20,000 paths, 3,000 streams`,
)
const env = { ...process.env, MILEPOST_FUZZ: 'full', MILEPOST_FUZZ_SEED: String(seed) }
const all = ['fuzz.test.ts', 'j1939/transport', 'isotp/machines', HTTP]
const parts = values.http ? [HTTP] : positionals.length > 0 ? positionals : all
const child = spawn(process.execPath, ['test/run.mjs', 'fast', ...parts], { stdio: 'inherit', env })
process.on('SIGINT', () => child.kill('SIGINT'))
child.on('exit', (code) => process.exit(code ?? 1))
