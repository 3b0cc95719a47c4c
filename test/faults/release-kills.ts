// `npx tsx test/faults/release-kills.ts [--seed N] [--kills 100]`: an updating vehicle is killed at
// random steps on its disk; exit code 1 where it forgot, believed or kept something that it must not.
import { parseArgs } from 'node:util'
import { runReleaseKills } from './release-kills-run.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    kills: { type: 'string', default: '100' },
  },
})
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
