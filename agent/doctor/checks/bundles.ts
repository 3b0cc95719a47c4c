import { openBundle } from '../../../models/bundle/archive.ts'
import { counted } from '../../cli/output.ts'
import { complaintOf } from '../../error.ts'
import type { Finding } from '../finding.ts'
import type { Check } from '../scene.ts'

/** Bundles are whole, and a running model gets what it needs. */
export const bundlesCheck: Check = {
  name: 'models',
  async run({ config, status }) {
    const findings: Finding[] = []
    for (const { bundle } of config?.models ?? []) {
      try {
        await openBundle(bundle)
      } catch (error) {
        const { code, message, hint } = complaintOf(error)
        findings.push({
          check: 'bundle',
          verdict: 'broken',
          code,
          finding: message,
          next: hint ?? 'Copy the bundle to the vehicle again, or take it out of the config.',
          command: `milepost model verify ${bundle}`,
          cause: 'bundle',
        })
      }
    }
    for (const { name, inferences, invalid, problems, starved, hash } of status?.models ?? []) {
      for (const problem of problems) {
        findings.push({
          check: `model ${name}`,
          verdict: 'trouble',
          code: 'MODEL_UNITS',
          finding: `It cannot take a signal: ${problem}.`,
          next: 'Give the signal the unit that the model needs, under names in the config.',
          command: 'milepost signals',
          cause: 'model',
        })
      }
      if (starved) {
        findings.push({
          check: `model ${name}`,
          verdict: 'trouble',
          code: 'MODEL_STARVED',
          finding: `It has made no inference: ${starved}.`,
          next: 'Compare its inputs with the signals there are; names in the config gives them the right ones.',
          command: `milepost model show ${config?.models[0]?.bundle ?? hash}`,
          cause: 'model',
        })
      }
      if (invalid > inferences) {
        findings.push({
          check: `model ${name}`,
          verdict: 'trouble',
          code: 'MODEL_INVALID',
          finding: `${invalid} rows gave no number, ${inferences} did.`,
          command: 'milepost signals',
          cause: 'model',
        })
      }
    }
    if (config && config.models.length > 0 && findings.length === 0) {
      const finding = `${counted(config.models.length, 'bundle')} found whole.`
      findings.push({ check: 'models', verdict: 'ok', code: 'OK', finding, cause: 'bundle' })
    }
    return findings
  },
}
