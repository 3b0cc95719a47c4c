import { longRunOptions, SOME_SEED } from '../support/long-run.ts'
import { runReleaseKills } from './release-kills-run.ts'

const USAGE = `npx tsx test/faults/release-kills.ts [--seed N] [--kills 100]

An updating vehicle is killed at random steps on its disk. Exit code 1 where it forgot, believed or kept
something that it must not.`

const values = longRunOptions(
  USAGE,
  { seed: { type: 'string', default: SOME_SEED }, kills: { type: 'string', default: '100' } },
  ['seed', 'kills'],
)
const [seed, kills] = [values.seed, values.kills].map(Number)
console.error(`seed ${seed}: ${kills} kills`)
const report = await runReleaseKills({
  seed,
  kills,
  progress: (message) => console.error(message),
})
for (const problem of report.problems) console.log(problem)
console.log(
  `seed ${seed}: ${report.kills} kills, ${report.releases} releases, ` +
    `${report.rollbacksRefused} old copies refused, ${report.halfFetched} times half a release, ` +
    `${report.problems.length} problems`,
)
process.exit(report.problems.length === 0 ? 0 : 1)
