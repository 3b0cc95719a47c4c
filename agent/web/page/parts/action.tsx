import { useState } from 'preact/hooks'
import type { Complaint } from '../../../error.ts'
import { ask, complaintOf } from '../ask.ts'
import { Problem } from './card.tsx'

/** A button for what changes something: asks once more, then does it, and says what came of it. */
export function Action<T>({
  label,
  sure,
  path,
  body,
  done,
}: {
  label: string
  /** What is about to happen, in a sentence. */
  sure: string
  path: string
  body: unknown
  /** What came of it, in words. */
  done(answer: T): string
}) {
  const [step, setStep] = useState<'idle' | 'sure' | 'busy'>('idle')
  const [told, setTold] = useState('')
  const [error, setError] = useState<Complaint>()
  const act = async (): Promise<void> => {
    setStep('busy')
    setTold('')
    setError(undefined)
    try {
      setTold(done(await ask<T>(path, { method: 'POST', body })))
    } catch (failure) {
      setError(complaintOf(failure))
    }
    setStep('idle')
  }
  return (
    <div class="action">
      {step === 'sure' ? (
        <div class="row">
          <span>{sure}</span>
          <button type="button" class="button main" onClick={() => void act()}>
            Yes, {label.toLowerCase()}
          </button>
          <button type="button" class="button" onClick={() => setStep('idle')}>
            No
          </button>
        </div>
      ) : (
        <button
          type="button"
          class="button"
          disabled={step === 'busy'}
          onClick={() => setStep('sure')}
        >
          {step === 'busy' ? 'Asking the agent' : label}
        </button>
      )}
      <p role="status" class={told ? '' : 'unseen'}>
        {told}
      </p>
      {error && <Problem error={error} />}
    </div>
  )
}
