// `npm run test:soak -- [--minutes 60] [--seed N] [--json]`: an agent as it is installed, with a full bus,
// under seeded troubles; exit code 1 where a record is lost or comes twice, or where something grew.
import { parseArgs } from 'node:util'
import { runSoak } from './soak/run.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    json: { type: 'boolean', default: false },
  },
})
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
