/**
 * Looks again and again, and calls back where it is quiet. A look that comes late tells nothing: this
 * process stood still, and what the device said meanwhile is not read yet.
 */
export function lookEvery(
  everyMs: number,
  isQuiet: () => boolean,
  quiet: () => void,
): NodeJS.Timeout {
  let lookedMs = performance.now()
  return setInterval(() => {
    const nowMs = performance.now()
    const late = nowMs - lookedMs > 2 * everyMs
    lookedMs = nowMs
    if (isQuiet() && !late) quiet()
  }, everyMs)
}
