/** Colours of the page for a canvas, which knows no custom properties. */
export interface Colours {
  readonly ink: string
  readonly quiet: string
  readonly grid: string
  readonly line: string
  readonly mark: string
  readonly band: string
}

/** Reads them as they are now; `light-dark()` is settled by a probe, since a property keeps its words. */
export function colours(): Colours {
  const probe = document.createElement('span')
  probe.hidden = true
  document.body.append(probe)
  const of = (name: string): string => {
    probe.style.color = `var(${name})`
    return getComputedStyle(probe).color
  }
  const found = {
    ink: of('--ink'),
    quiet: of('--ink-2'),
    grid: of('--line'),
    line: of('--green'),
    mark: of('--red'),
    band: of('--green-band'),
  }
  probe.remove()
  return found
}
