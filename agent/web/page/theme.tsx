import { signal } from '@preact/signals'

const KEY = 'milepost.theme'
const CHOICES = [
  ['auto', 'Auto'],
  ['light', 'Light'],
  ['dark', 'Dark'],
] as const

/** Light and dark as the device has it, unless somebody chose. */
export const theme = signal<string>(localStorage.getItem(KEY) ?? 'auto')

theme.subscribe((chosen) => {
  if (chosen === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = chosen
  localStorage.setItem(KEY, chosen)
})

/** Called whenever colours change, by choice or by the device. */
export function onColours(change: () => void): () => void {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  dark.addEventListener('change', change)
  const unsubscribe = theme.subscribe(() => queueMicrotask(change))
  return () => {
    dark.removeEventListener('change', change)
    unsubscribe()
  }
}

export function ThemeChoice() {
  return (
    <fieldset class="themes">
      <legend class="unseen">Colours</legend>
      {CHOICES.map(([id, label]) => (
        <label key={id}>
          <input
            type="radio"
            name="theme"
            value={id}
            checked={theme.value === id}
            onChange={() => {
              theme.value = id
            }}
          />
          {label}
        </label>
      ))}
    </fieldset>
  )
}
