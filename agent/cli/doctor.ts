import { Command } from 'commander'
import { diagnose } from '../doctor/diagnose.ts'
import type { Finding, Verdict } from '../doctor/finding.ts'
import { sceneOf } from '../doctor/scene.ts'
import { EXIT, fail, paint } from './output.ts'
import { type PlaceOptions, whereabouts, withPlace } from './place.ts'
import { terminalColumns, wrapped } from './wrap.ts'

const STYLES: Readonly<
  Record<Verdict, [style: 'red' | 'yellow' | 'cyan' | 'green', mark: string]>
> = {
  broken: ['red', '✗'],
  trouble: ['yellow', '!'],
  note: ['cyan', 'i'],
  ok: ['green', '✓'],
}

export function doctorCommand(): Command {
  return withPlace(new Command('doctor'))
    .option('--all', 'show what is well, too')
    .addHelpText(
      'after',
      `
Looks at config, permissions, disk, memory, clock, secrets, certificates, outbox, DBC files, models,
devices, sensors, network, uplink and updates, whether the agent runs or not. The most important finding
comes first, each with the command that mends it. Changes nothing.

Exit codes: 0 nothing is broken, 1 something is.

Examples:
  milepost doctor
  milepost doctor -c milepost.yaml --all
  milepost doctor --json | jq '.[0]'`,
    )
    .action(async (options: PlaceOptions & { all?: boolean }) => {
      try {
        const findings = await diagnose(await sceneOf(whereabouts(options)))
        if (options.json) process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`)
        else process.stdout.write(`${page(findings, options.all === true).join('\n')}\n`)
        process.exitCode = findings[0]?.verdict === 'broken' ? EXIT.failed : EXIT.done
      } catch (error) {
        fail(error)
      }
    })
}

function page(findings: readonly Finding[], all: boolean): string[] {
  const out = process.stdout
  const shown = findings.filter(({ verdict }) => all || verdict !== 'ok')
  const lines = shown.flatMap(({ check, verdict, code, finding, next, command }) => {
    const [style, mark] = STYLES[verdict]
    const [first, ...more] = finding.split('\n')
    const told = [
      `${paint(style, `${mark} ${check}`, out)}${verdict === 'ok' ? '' : ` (${code})`}: ${first}`,
      ...more.map((line) => `    ${line}`),
      ...(next ? [`    ${next}`] : []),
    ]
    return [
      ...wrapped(told, terminalColumns(out), 4),
      // Whole, to be copied.
      ...(command ? [`    ${paint('bold', `$ ${command}`, out)}`] : []),
    ]
  })
  const well = findings.length - shown.length
  const rest =
    well > 0 ? [`${well} checks found nothing wrong${all ? '' : ' (--all shows them)'}`] : []
  return [...lines, ...rest]
}
