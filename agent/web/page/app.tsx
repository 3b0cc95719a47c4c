import { useEffect, useRef, useState } from 'preact/hooks'
import { tokenAsked } from './ask.ts'
import { ago } from './format.ts'
import { Icon } from './parts/icons.tsx'
import { TokenForm } from './parts/token-form.tsx'
import { place, WAYS, wayTo } from './route.ts'
import { away, codes, status } from './state.ts'
import { ThemeChoice } from './theme.tsx'
import { todosOf } from './todos.ts'
import { VIEWS } from './views/views.ts'

export function App() {
  const { view } = place.value
  const View = VIEWS[view]
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  const label = WAYS.find(({ id }) => id === view)?.label ?? ''
  const vehicle = status.value?.vehicle

  useEffect(() => {
    document.title = `${label} · ${vehicle ?? 'milepost'}`
  }, [label, vehicle])
  useEffect(() => {
    // Who comes by keyboard or ear is taken along; the first view is where one is already.
    if (!first.current) {
      scrollTo(0, 0)
      main.current?.querySelector('h1')?.focus()
    }
    first.current = false
  }, [view])

  return (
    <div class="shell">
      <a class="skip button main" href={`#${view}`} onClick={skipTo(main)}>
        To the content
      </a>
      <Rail here={view} />
      <main ref={main} tabIndex={-1}>
        {tokenAsked.value !== 'no' && <TokenForm again={tokenAsked.value === 'again'} />}
        <View key={view} />
      </main>
    </div>
  )
}

function skipTo(main: { current: HTMLElement | null }) {
  return (event: Event): void => {
    event.preventDefault()
    main.current?.focus()
  }
}

/** Way to every view; on a phone four of them and a menu. */
function Rail({ here }: { here: string }) {
  const [open, setOpen] = useState(false)
  const now = status.value
  const todos = now ? todosOf(now, codes.value).length : 0
  const hidden = WAYS.find(({ id }) => id === here)?.more
  useEffect(() => setOpen(false), [here])
  useEffect(() => {
    const close = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') setOpen(false)
    }
    addEventListener('keydown', close)
    return () => removeEventListener('keydown', close)
  }, [])
  return (
    <div class="rail">
      <a class="brand" href={wayTo('overview')}>
        <img src="./mark.svg" alt="" width="38" height="38" />
        <div>
          <strong>{now?.vehicle ?? 'milepost'}</strong>
          <span>{now ? `started ${ago(now.startedUs, now.nowUs)}` : 'connecting'}</span>
        </div>
      </a>
      <nav aria-label="Views">
        <ul class="ways" data-open={open ? '' : undefined}>
          {WAYS.map(({ id, label, short, more }) => (
            <li key={id} class={more ? 'more' : ''}>
              <a href={wayTo(id)} aria-current={id === here ? 'page' : undefined}>
                <Icon name={id} />
                <span class={short ? 'long' : ''}>{label}</span>
                {short && (
                  <span class="short" aria-hidden="true">
                    {short}
                  </span>
                )}
                {id === 'overview' && todos > 0 && (
                  <span class="count">
                    {todos}
                    <span class="unseen"> to do</span>
                  </span>
                )}
              </a>
            </li>
          ))}
          <li class="menu">
            <button
              type="button"
              class="menu-button"
              aria-expanded={open}
              data-here={hidden ? '' : undefined}
              onClick={() => setOpen(!open)}
            >
              <Icon name="menu" />
              {open ? 'Close' : 'More'}
            </button>
          </li>
        </ul>
      </nav>
      <footer>
        <ThemeChoice />
        <p class="quiet small">milepost {now?.version}</p>
      </footer>
    </div>
  )
}

/** Says that what is shown is old, as long as the agent does not answer. */
export function Away() {
  const error = away.value
  const last = status.value
  return (
    <div role="status" class={error ? 'away' : ''}>
      {error && `${error.message} ${last ? 'What is shown is from before; ' : ''}trying again.`}
    </div>
  )
}
