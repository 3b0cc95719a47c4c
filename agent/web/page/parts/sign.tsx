import type { ComponentChildren } from 'preact'
import { many } from '../format.ts'
import { wayTo } from '../route.ts'
import type { Todo } from '../todos.ts'
import { Icon } from './icons.tsx'
import { prose } from './prose.tsx'

/** The road sign at the top: what to do, or that there is nothing. */
export function Sign({
  todos,
  children,
}: {
  todos: readonly Todo[]
  children?: ComponentChildren
}) {
  const level = todos.length === 0 ? 'fine' : todos[0].level
  return (
    <section class={`sign ${level}`} aria-label="What to do">
      <div class="sign-plate">
        <p class="sign-title">
          <Icon name={level} size={34} />
          {todos.length === 0
            ? 'All clear. Nothing to do.'
            : `${many(todos.length, 'thing')} to do`}
        </p>
        {todos.length > 0 && (
          <ol class="todos">
            {todos.map(({ what, next, view }) => (
              <li key={what}>
                <a href={wayTo(view)}>{prose(what)}</a>
                {next && <span>{prose(next)}</span>}
              </li>
            ))}
          </ol>
        )}
        {children}
      </div>
    </section>
  )
}
