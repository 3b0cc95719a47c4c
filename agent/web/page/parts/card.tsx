import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import type { Complaint } from '../../../error.ts'
import type { Level } from '../answers.ts'
import { Icon } from './icons.tsx'
import { prose } from './prose.tsx'

/** A titled region. */
export function Card({
  title,
  aside,
  children,
  flush,
}: {
  title: string
  aside?: ComponentChildren
  children: ComponentChildren
  /** Its content brings its own margins: a table. */
  flush?: boolean
}) {
  const id = useId()
  return (
    <section class={flush ? 'card flush' : 'card'} aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  )
}

/** A state in a word, never by colour alone. */
export function Pill({ level, children }: { level: Level; children: ComponentChildren }) {
  return (
    <span class={`pill ${level}`}>
      <Icon name={level} size={14} />
      {children}
    </span>
  )
}

/** An error with what to do next; before it, where it strikes. */
export function Problem({ error, children }: { error: Complaint; children?: ComponentChildren }) {
  return (
    <div class="problem">
      {children && <p>{children}</p>}
      <p>
        <code>{error.code}</code> {prose(error.message)}
      </p>
      {error.hint && (
        <p>
          <strong>Next:</strong> {prose(error.hint)}
        </p>
      )}
    </div>
  )
}

/** What stands where there is nothing to show: what it means, and how that changes. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <p>{children}</p>}
    </div>
  )
}

export function Head({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <header class="head">
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        {children && <p>{children}</p>}
      </div>
    </header>
  )
}

/** Label and figure, many in a row. */
export function Facts({ facts }: { facts: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** A share of a whole as a bar; the text beside it says the same. */
export function Meter({
  share,
  mark,
  level = 'fine',
}: {
  share: number
  /** A limit on the same scale. */
  mark?: number
  level?: Level
}) {
  const at = (part: number): number => Math.max(0, Math.min(1, part)) * 100
  return (
    <svg class={`meter ${level}`} viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="meter-ground" width="100" height="8" rx="1" />
      <rect class="meter-part" width={at(share)} height="8" rx="1" />
      {mark !== undefined && <rect class="meter-mark" x={at(mark) - 0.5} width="1" height="8" />}
    </svg>
  )
}
