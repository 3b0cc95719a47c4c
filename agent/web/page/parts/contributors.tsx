import type { ExplainedContributor } from '../../../local/explain.ts'
import { figure, unitSign } from '../format.ts'

/** Each contributor: its share of the score, and what was read beside what is usual. */
export function Contributors({ contributors }: { contributors: readonly ExplainedContributor[] }) {
  return (
    <ol class="contributors">
      {contributors.map((one) => (
        <li key={one.signal}>
          <div class="contributor-head">
            <h3>{one.signal}</h3>
            <span class="mono">
              {figure(one.value)} {unitSign(one.unit)}
            </span>
          </div>
          <Bar share={one.share} />
          <p class="small quiet">
            {Math.round(one.share * 100)} % of the score. {capital(one.verdict)}.
          </p>
          {one.normal && <Range one={one} normal={one.normal} />}
        </li>
      ))}
    </ol>
  )
}

function Bar({ share }: { share: number }) {
  return (
    <svg class="meter warn" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="meter-ground" width="100" height="8" rx="1" />
      <rect class="meter-part" width={Math.max(0, Math.min(1, share)) * 100} height="8" rx="1" />
    </svg>
  )
}

/** The range seen in training as a road, what is usual as its middle, what was read and expected on it. */
function Range({
  one: { value, expected, unit },
  normal: { mean, spread, min, max },
}: {
  one: ExplainedContributor
  normal: NonNullable<ExplainedContributor['normal']>
}) {
  const points = [min, max, value, expected].filter(Number.isFinite)
  const [low, high] = [Math.min(...points), Math.max(...points)]
  const pad = (high - low || 1) * 0.04
  const x = (at: number): number => ((at - low + pad) / (high - low + 2 * pad)) * 400
  const from = Math.max(min, mean - spread)
  const to = Math.min(max, mean + spread)
  return (
    <figure class="range">
      <svg viewBox="0 0 400 30" aria-hidden="true">
        <rect
          class="range-seen"
          x={x(min)}
          y="11"
          width={Math.max(2, x(max) - x(min))}
          height="8"
          rx="4"
        />
        {to > from && (
          <rect class="range-usual" x={x(from)} y="11" width={x(to) - x(from)} height="8" rx="2" />
        )}
        {Number.isFinite(expected) && <path class="range-expected" d={`M${x(expected)} 5v20`} />}
        {Number.isFinite(value) && <circle class="range-read" cx={x(value)} cy="15" r="7" />}
      </svg>
      <figcaption class="small quiet">
        seen in training {figure(min)} to {figure(max)} {unitSign(unit)}, expected{' '}
        {figure(expected)}
      </figcaption>
    </figure>
  )
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
