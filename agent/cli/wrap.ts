// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const COLOUR = /\u001b\[[\d;]*m/g
/** Narrower terminals get words broken anywhere, as the terminal itself does it. */
const MIN_COLUMNS = 40

/** Where a person reads, what the terminal is wide; elsewhere lines stay whole, for programs. */
export function terminalColumns({ isTTY, columns }: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>) {
  return isTTY && columns >= MIN_COLUMNS ? columns : Number.POSITIVE_INFINITY
}

/**
 * Lines that fit so many columns, broken between words; what goes on below is indented as its line is,
 * and at least by `hanging`. Colours take no width. A word that is too long stays whole.
 */
export function wrapped(lines: readonly string[], columns: number, hanging = 0): string[] {
  return lines.flatMap((line) => wrapLine(line, columns, hanging))
}

/** A text of several lines, in the same way. */
export function wrappedText(text: string, columns: number): string {
  return wrapped(text.split('\n'), columns).join('\n')
}

function wrapLine(line: string, columns: number, hanging: number): string[] {
  if (widthOf(line) <= columns) return [line]
  const indent = ' '.repeat(Math.max(hanging, line.length - line.trimStart().length))
  const out: string[] = []
  let row = ''
  // Spaces stay with the word before them, so that columns within a line keep their place.
  for (const word of line.match(/^\s+|\S+\s*/g) ?? []) {
    if (row.trim() !== '' && widthOf(row) + widthOf(word.trimEnd()) > columns) {
      out.push(row.trimEnd())
      row = indent
    }
    row += word
  }
  return [...out, row.trimEnd()]
}

function widthOf(text: string): number {
  return text.replace(COLOUR, '').length
}
