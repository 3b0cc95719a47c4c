import { ModelError } from '../errors.ts'
import { columnsOf, reconstructionScore, regressionScore } from '../score.ts'
import { type GoldenRow, MANIFEST_FORMAT, type Manifest, manifestSchema } from './manifest.ts'

export const MANIFEST_FILE = 'manifest.json'
const ANEW = 'Fetch or copy the bundle anew; the one in use stays in use.'

/** Checks a manifest on its own: its form, and that its parts agree with each other. */
export function checkManifest(json: unknown): Manifest {
  const format = (json as { format?: unknown } | null)?.format
  if (typeof format === 'number' && format > MANIFEST_FORMAT) {
    throw new ModelError('BUNDLE_MANIFEST', `the bundle has format ${format}`, {
      hint: `This milepost reads format ${MANIFEST_FORMAT}: update it before the bundle.`,
    })
  }
  const parsed = manifestSchema.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new ModelError(
      'BUNDLE_MANIFEST',
      `${MANIFEST_FILE}: ${issue.path.join('.') || '(top)'}: ${issue.message}`,
      { hint: ANEW },
    )
  }
  const manifest = parsed.data
  const problem = shapeProblem(manifest)
  if (problem) throw new ModelError('BUNDLE_SHAPE', problem, { hint: ANEW })
  for (const [index, row] of manifest.golden.rows.entries()) checkGoldenRow(manifest, row, index)
  return manifest
}

/** Why the parts of a manifest do not fit each other, if they do not. */
function shapeProblem(manifest: Manifest): string | undefined {
  const width = manifest.features.inputs.length
  if (manifest.kind === 'clustering') {
    const { inputs } = manifest.clusters
    return inputs === width ? undefined : `${width} inputs are described, clusters have ${inputs}`
  }
  const { inputs, outputs } = manifest.network
  const { weights, usualErrors } = manifest.output
  if (manifest.kind === 'regression') {
    const { estimates } = manifest.output
    const { judged, given } = columnsOf(manifest.features.inputs, estimates)
    const unknown = judged.indexOf(-1)
    if (unknown >= 0) return `${estimates[unknown]} is estimated and not among the inputs`
    if (new Set(judged).size < judged.length) return 'a column is estimated twice'
    if (inputs !== given.length || outputs !== judged.length) {
      return `the network is ${inputs} → ${outputs}, its columns are ${given.length} → ${judged.length}`
    }
  } else {
    if (inputs !== width) return `${width} inputs are described, the network takes ${inputs}`
    if (outputs !== inputs) {
      return `a reconstruction gives back its ${inputs} inputs, this network has ${outputs} outputs`
    }
  }
  if (weights.length !== outputs) return `${weights.length} weights for ${outputs} outputs`
  if (usualErrors && usualErrors.length !== outputs) {
    return `${usualErrors.length} usual errors for ${outputs} outputs`
  }
  return undefined
}

function checkGoldenRow(manifest: Manifest, row: GoldenRow, index: number): void {
  const width = manifest.features.inputs.length
  const outputs = manifest.kind === 'regression' ? manifest.network.outputs : width
  if (row.raw.length !== width || row.scaled.length !== width || row.output.length !== outputs) {
    throw new ModelError('BUNDLE_SHAPE', `golden row ${index} has the wrong length`, { hint: ANEW })
  }
  // A cluster's score needs its spread, which is in another file: it is checked when that is opened.
  if (manifest.kind === 'clustering') return
  const score = scoreOf(manifest, row)
  if (Math.abs(score - row.score) > manifest.golden.tolerance * Math.max(1, score)) {
    throw new ModelError('BUNDLE_GOLDEN', `golden row ${index} does not have its own score`, {
      hint: ANEW,
    })
  }
}

function scoreOf(manifest: Exclude<Manifest, { kind: 'clustering' }>, row: GoldenRow): number {
  const { features, output } = manifest
  const errors = new Float64Array(features.inputs.length)
  if (output.meaning === 'reconstruction') {
    return reconstructionScore(row.scaled, row.output, output.weights, errors)
  }
  const { judged } = columnsOf(features.inputs, output.estimates)
  return regressionScore(row.scaled, row.output, judged, output.weights, errors)
}
