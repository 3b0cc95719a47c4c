/** Fills `${name}` in a properties text. A name that nobody knows stays: it may be the plugin's own. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\$\{([\w.]+)\}/g, (whole, name: string) =>
    // A backslash begins an escape in a properties file.
    name in values ? String(values[name]).replaceAll('\\', '\\\\') : whole,
  )
}
