// `npm run test:fuzz [-- --seed N] [path part …]`: every fuzz test in full, which is minutes. The same
// files run in short form as part of `npm test`.
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' } },
  allowPositionals: true,
})
const seed = Number(values.seed ?? 20_261_123)
if (!Number.isSafeInteger(seed)) {
  console.error('--seed takes a whole number')
  process.exit(2)
}
console.log(
  `# seed ${seed}; 1,000,000 frames, 1,000,000 serial chunks, 10,000 DBC files, 10,000 logs`,
)
const env = { ...process.env, MILEPOST_FUZZ: 'full', MILEPOST_FUZZ_SEED: String(seed) }
const parts =
  positionals.length > 0 ? positionals : ['fuzz.test.ts', 'j1939/transport', 'isotp/machines']
const child = spawn(process.execPath, ['test/run.mjs', 'fast', ...parts], { stdio: 'inherit', env })
process.on('SIGINT', () => child.kill('SIGINT'))
child.on('exit', (code) => process.exit(code ?? 1))
