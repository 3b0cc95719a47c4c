import { styleText } from 'node:util'

const PLAIN_EVERY_MS = 5_000

/**
 * What a person watches: on a terminal a block of lines drawn over itself, elsewhere the same lines
 * now and then. Headlines stay.
 */
export class Screen {
  readonly #out = process.stdout
  #drawn = 0
  #lastPlainMs = 0
  readonly #startMs = Date.now()

  get live(): boolean {
    return this.#out.isTTY === true
  }

  paint(style: Parameters<typeof styleText>[0], text: string): string {
    return this.live && !process.env.NO_COLOR ? styleText(style, text) : text
  }

  /** A step of the story; stays on the screen. */
  headline(text: string): void {
    this.#erase()
    const seconds = ((Date.now() - this.#startMs) / 1000).toFixed(0).padStart(3)
    this.#out.write(`${this.paint('dim', `${seconds} s`)}  ${this.paint('bold', text)}\n`)
    this.#lastPlainMs = 0
  }

  /** Lines that stay. */
  print(lines: readonly string[]): void {
    this.#erase()
    this.#out.write(`${lines.join('\n')}\n`)
  }

  /** The state of things now; replaces what the last call showed. */
  show(lines: readonly string[]): void {
    if (!this.live) {
      if (Date.now() - this.#lastPlainMs < PLAIN_EVERY_MS) return
      this.#lastPlainMs = Date.now()
      this.#out.write(`${lines.join('\n')}\n`)
      return
    }
    this.#erase()
    const width = this.#out.columns ?? 100
    this.#out.write(lines.map((line) => `${clip(line, width - 1)}\n`).join(''))
    this.#drawn = lines.length
  }

  #erase(): void {
    if (this.#drawn > 0) this.#out.write(`\u001b[${this.#drawn}A\u001b[0J`)
    this.#drawn = 0
  }
}

/** Cuts a line at `width` visible characters: a wrapped line could not be drawn over. */
function clip(line: string, width: number): string {
  let visible = 0
  let end = 0
  while (end < line.length && visible < width) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what colour looks like.
    const colour = /^\u001b\[[0-9;]*m/.exec(line.slice(end))
    end += colour ? colour[0].length : 1
    if (!colour) visible++
  }
  return end < line.length ? `${line.slice(0, end)}\u001b[0m` : line
}

/** Rows under a header, columns as wide as their widest cell, numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]) {
  const cells = [header, ...rows.map((row) => row.map(cell))]
  const widths = header.map((_, c) => Math.max(...cells.map((row) => row[c].length)))
  const numeric = header.map((_, c) => rows.every((row) => typeof row[c] === 'number'))
  const line = (row: readonly string[]) =>
    row
      .map((text, c) => (numeric[c] ? text.padStart(widths[c]) : text.padEnd(widths[c])))
      .join('  ')
  return [line(cells[0]), widths.map((w) => '─'.repeat(w)).join('──'), ...cells.slice(1).map(line)]
}

function cell(value: string | number): string {
  return typeof value === 'number' ? value.toLocaleString('en-US') : value
}
