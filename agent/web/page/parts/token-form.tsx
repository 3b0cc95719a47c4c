import { useRef } from 'preact/hooks'
import { useToken } from '../ask.ts'
import { askNow } from '../state.ts'

/** Asks for the token; it is kept for this tab alone. */
export function TokenForm({ again }: { again: boolean }) {
  const field = useRef<HTMLInputElement>(null)
  return (
    <section class="card" aria-label="Token">
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault()
          useToken(field.current?.value ?? '')
          askNow()
        }}
      >
        <label class="field">
          {again ? 'This token is not valid. Token' : 'Token of this agent'}
          <input ref={field} type="password" autocomplete="off" required minLength={16} />
        </label>
        <button type="submit" class="button main">
          Open
        </button>
      </form>
      <p class="quiet small">
        It stands on the gateway in the file that web.tokens names. The operator token also allows
        what changes the vehicle.
      </p>
    </section>
  )
}
