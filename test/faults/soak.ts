import { longRunOptions, SOME_SEED } from '../support/long-run.ts'
import { runSoak } from './soak/run.ts'

const USAGE = `npm run test:soak -- [--minutes 60] [--seed N] [--json]

An agent as it is installed, with a full bus, under seeded troubles. Exit code 1 where a record is lost
or comes twice, or where something grew. MILEPOST_INSTALLED names an unpacked package to run.`

const values = longRunOptions(
  USAGE,
  {
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: SOME_SEED },
    json: { type: 'boolean', default: false },
  },
  ['minutes', 'seed'],
)
const [minutes, seed] = [values.minutes, values.seed].map(Number)
console.error(`seed ${seed}: ${minutes} minutes`)
const report = await runSoak({ seed, minutes, progress: (message) => console.error(message) })
if (values.json) console.log(JSON.stringify(report, null, 2))
else {
  const { account, trends, troubles, seconds } = report
  console.log(`seed ${seed}, ${seconds} s: ${JSON.stringify(troubles)}`)
  for (const { what, unit, before, after, flat } of trends) {
    const line = `${what.padEnd(14)} ${before.toFixed(1)} ${unit} after the warm-up, ${after.toFixed(1)} at the end`
    console.log(`${line}${flat ? '' : '  GREW'}`)
  }
  for (const { epoch, lastSeq, missing, duplicated, outOfOrder, ledgered } of account.epochs) {
    console.log(
      `${epoch}: ${lastSeq} records, ${missing} lost, ${duplicated} duplicated, ${outOfOrder} out of order, ${ledgered} given up and told`,
    )
  }
}
process.exit(report.passed ? 0 : 1)
