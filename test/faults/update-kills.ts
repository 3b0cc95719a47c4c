import { longRunOptions, SOME_SEED } from '../support/long-run.ts'
import { runUpdateKills } from './update-kills-run.ts'

const USAGE = `npx tsx test/faults/update-kills.ts [--seed N] [--kills 100]

An agent is killed at seeded writes of its updates. Exit code 1 where a start was not on a verified
bundle, or the newest never came.`

const values = longRunOptions(
  USAGE,
  { seed: { type: 'string', default: SOME_SEED }, kills: { type: 'string', default: '100' } },
  ['seed', 'kills'],
)
const [seed, kills] = [values.seed, values.kills].map(Number)
console.error(`seed ${seed}: ${kills} kills`)
const report = await runUpdateKills({ seed, kills, progress: (message) => console.error(message) })
for (const problem of report.problems) console.log(problem)
console.log(
  `seed ${seed}: ${report.kills} kills at ${report.differentSteps} of ${report.steps} writes, ` +
    `${report.releases} releases, ${report.starts} starts on a verified bundle, ` +
    `${report.updates} updates to their end, ${report.rollbacksRefused} old copies refused, ` +
    `${report.problems.length} problems`,
)
process.exit(report.problems.length === 0 ? 0 : 1)
