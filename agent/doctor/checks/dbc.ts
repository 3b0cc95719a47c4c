import { loadDbc } from '../../../sensors/dbc/parse.ts'
import { counted } from '../../cli/output.ts'
import { complaintOf } from '../../error.ts'
import type { Finding } from '../finding.ts'
import type { Check } from '../scene.ts'

/** A bus of which no DBC file knows more than this share has most likely the wrong file. */
const MIN_KNOWN_SHARE = 0.05
const MIN_FRAMES = 500

/** Every DBC file can be read, and describes what is on the bus. */
export const dbcCheck: Check = {
  name: 'DBC files',
  async run({ config, status }) {
    if (!config) return []
    const findings: Finding[] = []
    const cause = 'dbc'
    let good = 0
    for (const [bus, { dbc, onBrokenDbc }] of Object.entries(config.buses)) {
      for (const file of dbc) {
        try {
          await loadDbc(file)
          good++
        } catch (error) {
          const { code, message, hint } = complaintOf(error)
          findings.push({
            check: `DBC of ${bus}`,
            // One that is skipped keeps the others working.
            verdict: onBrokenDbc === 'skip' ? 'trouble' : 'broken',
            code,
            finding: message,
            next: hint ?? 'Mend this line, or take the file out of the config.',
            command: `milepost decode --dbc ${file} /dev/null`,
            cause,
          })
        }
      }
    }
    const { frames = 0, decoded = 0, unknown = 0 } = status?.decode ?? {}
    if (frames >= MIN_FRAMES && decoded < unknown * MIN_KNOWN_SHARE) {
      findings.push({
        check: 'decoding',
        verdict: 'trouble',
        code: 'DBC_MISMATCH',
        finding: `Of ${frames} frames ${unknown} have identifiers that no DBC file describes.`,
        next: 'Give the bus the DBC file of this vehicle; see which identifiers there are.',
        command: 'milepost frames -n 50',
        cause,
      })
    }
    if (good > 0 && findings.length === 0) {
      const finding = `${counted(good, 'file')} read.`
      findings.push({ check: 'DBC files', verdict: 'ok', code: 'OK', finding, cause })
    }
    return findings
  },
}
