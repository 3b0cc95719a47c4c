import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Finding } from '../../../agent/doctor/finding.ts'
import { ROOT } from '../../support/cli.ts'
import { Setup } from './setups.ts'

/** A broken set-up, and what the doctor must say of it before all else. */
export interface Case {
  readonly name: string
  /** Code of the finding that must come first. */
  readonly first: string
  /** Something that its text must say. */
  readonly says: RegExp
  run(setup: Setup, t: TestContext): Promise<Finding[]>
}

/** A config that is read and not started. */
export function still(change: (setup: Setup) => void): Case['run'] {
  return async (setup) => {
    change(setup)
    return setup.write().diagnose()
  }
}

/** The doctor's page, with single spaces in its table. */
const page = readFileSync(join(ROOT, 'agent/doctor/README.md'), 'utf8').replace(/ +/g, ' ')

export function testFirstFindings(cases: readonly Case[]): void {
  for (const { name, first, says, run } of cases) {
    test(`first of all: ${name}`, async (t) => {
      const findings = await run(new Setup(t), t)
      const shown = findings.map(({ check, verdict, code, finding }) =>
        [verdict, check, code, finding].join(' | '),
      )
      assert.equal(findings[0].code, first, shown.slice(0, 4).join('\n'))
      assert.match(findings[0].finding, says)
      assert.ok(findings[0].command && findings[0].next, 'it says what to do')
      const row = `| ${name[0].toUpperCase()}${name.slice(1)} | \`${first}\` |`
      assert.ok(page.includes(row), `agent/doctor/README.md has no row ${row}`)
    })
  }
}
