import { formatBytes, formatCount } from '../cli/output.ts'
import type { Account, Produced } from './account.ts'
import type { Circle } from './circle.ts'
import { judge } from './judge.ts'
import { FLEET, PUNCTURED } from './plan.ts'
import { type Screen, table } from './screen.ts'
import type { TierState } from './tiering.ts'

export interface Story {
  readonly account: Account
  readonly produced: ReadonlyMap<string, Produced>
  readonly tier: TierState
  readonly circle: Circle
}

/** Prints the account. Answers the exit code: 0 where it balances and the circle closed, else 1. */
export function report(screen: Screen, story: Story): number {
  const { account, tier } = story
  const { balanced, rows } = records(story)
  const { closed, rows: models, lines } = circleOf(story)
  const header = ['vehicle', 'produced', 'in Kafka', 'lost', 'duplicated', 'out of order']
  screen.print([
    '',
    ...table(header, rows),
    '',
    ...table(['vehicle', 'planted', 'first model', 'second model', 'false alarms', 'then'], models),
    '',
    `Object store  ${formatBytes(tier.bytes)} in ${formatCount(tier.objects)} objects; the broker's disk begins at offset ${formatCount(tier.earliestLocalOffset)}`,
    `Read back     ${formatCount(account.records)} records, ${formatBytes(account.bytes)} of payload`,
    ...lines.map(
      ({ good, text }) => `${screen.paint(good ? 'green' : 'red', good ? '✓' : '✗')} ${text}`,
    ),
    '',
    balanced
      ? screen.paint('green', 'The account balances: nothing lost, nothing duplicated.')
      : screen.paint('red', 'The account does not balance.'),
    closed
      ? screen.paint(
          'green',
          'The circle is closed: trained from the log, signed, and a bad model taken back.',
        )
      : screen.paint('red', 'The circle is not closed: the lines with ✗ say where.'),
  ])
  return balanced && closed ? 0 : 1
}

function records({ account, produced }: Story) {
  let balanced = true
  const rows = FLEET.map(({ name }) => {
    const audit = account.vehicles.get(name)?.audit
    const made = produced.get(name)?.lastSeqs.at(-1) ?? 0
    const lost = audit ? audit.missing : made
    const good = made > 0 && lost === 0 && audit?.duplicated === 0 && audit.outOfOrder === 0
    balanced &&= good && audit?.present === made
    const { present = 0, duplicated = 0, outOfOrder = 0 } = audit ?? {}
    return [name, made, present, lost, duplicated, outOfOrder]
  })
  return { balanced, rows }
}

function circleOf({ account, circle }: Story) {
  const { first, second, bad, canary } = circle
  const short = (hash: string): string => hash.slice(0, 12)
  const found = new Map<string, { first: boolean; second: boolean }>()
  const rows = FLEET.map((plan) => {
    const seen = account.vehicles.get(plan.name)
    const [early, quiet, late] = (seen?.drives ?? []).map((drive, i) => judge(plan, drive, i !== 1))
    found.set(plan.name, { first: early?.found ?? false, second: late?.found ?? false })
    const word = (is: boolean | undefined): string => (!plan.fault ? '–' : is ? 'found' : 'missed')
    return [
      plan.name,
      plan.fault ?? 'none',
      word(early?.found),
      word(late?.found),
      early?.falseAlarms ?? 0,
      (quiet?.falseAlarms ?? 0) + (late?.falseAlarms ?? 0),
    ]
  })
  const tried = FLEET.map(({ name }) => name).filter((name) =>
    account.vehicles
      .get(name)
      ?.updates.some(({ phase, hash }) => phase === 'attempt' && hash === bad),
  )
  const punctured = found.get(PUNCTURED)
  const lines = [
    {
      good: circle.rows > 0 && second !== first,
      text: `Trained       ${short(second)} from ${formatCount(circle.rows)} rows of the log, in place of ${short(first)}`,
    },
    {
      good: circle.canaryWasAlone,
      text: `Canary        ${canary} had it first, and alone`,
    },
    {
      good: circle.running.length === FLEET.length,
      text: `All vehicles  ${circle.running.length} of ${FLEET.length} run it: ${circle.rolledOut}`,
    },
    {
      good: punctured?.first === false && punctured.second,
      text: `Puncture      ${punctured?.first ? 'found' : 'missed'} by the first model, ${punctured?.second ? 'found' : 'missed'} by the second (${PUNCTURED})`,
    },
    {
      good: circle.barred !== undefined && circle.takenBack !== undefined,
      text: `Bad model     ${short(bad)} barred on ${canary}: ${circle.barred ?? 'no, it was not'}`,
    },
    {
      good: tried.length === 1 && tried[0] === canary,
      text: `Taken back    before another vehicle tried it (tried by ${tried.join(', ') || 'nobody'})`,
    },
  ]
  return { closed: lines.every(({ good }) => good), rows, lines }
}
