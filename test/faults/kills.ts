import { longRunOptions, SOME_SEED } from '../support/long-run.ts'
import { runKills } from './kills-run.ts'

const USAGE = `npm run test:faults -- [--seed N] [--kills 200] [--vehicles 2] [--at-least-once] [--built] [--json]

Agents are killed under load while the broker is stopped and killed and the link breaks. Exit code 1
where the account of it does not balance.

  --at-least-once  by the idempotent producer without transactions: copies are allowed, nothing else
  --built          the agents run from dist/ and not from the sources`

const values = longRunOptions(
  USAGE,
  {
    seed: { type: 'string', default: SOME_SEED },
    kills: { type: 'string', default: '200' },
    vehicles: { type: 'string', default: '2' },
    'at-least-once': { type: 'boolean', default: false },
    built: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
  ['seed', 'kills', 'vehicles'],
)
const [seed, kills, vehicles] = [values.seed, values.kills, values.vehicles].map(Number)
console.error(`seed ${seed}: ${kills} kills of ${vehicles} agents`)
const report = await runKills({
  seed,
  kills,
  vehicles,
  delivery: values['at-least-once'] ? 'at-least-once' : 'exactly-once',
  built: values.built,
  progress: (message) => console.error(message),
})
if (values.json) console.log(JSON.stringify(report, null, 2))
else {
  const { account, cuts, brokerStops, brokerKills, seconds } = report
  const total = (name: 'missing' | 'duplicated' | 'outOfOrder') =>
    account.epochs.reduce((sum, epoch) => sum + epoch[name], 0)
  console.log(
    `seed ${seed}, ${seconds} s: ${report.kills} agents killed, link cut ${cuts} times, ` +
      `broker stopped ${brokerStops} and killed ${brokerKills} times\n` +
      `${account.records} records: ${total('missing')} lost, ${total('duplicated')} duplicated, ` +
      `${total('outOfOrder')} out of order once copies are dropped, ` +
      `${report.falseCopies} copies that differ from their original`,
  )
}
process.exit(report.kept ? 0 : 1)
