/** An answer that is not JSON with status 200. */
export class Content {
  readonly type: string
  readonly data: string | Uint8Array | AsyncIterable<Uint8Array>
  readonly status: number
  /** The name under which a browser keeps it. */
  readonly fileName: string | undefined

  /** @param type media type of `data` */
  constructor(
    type: string,
    data: Content['data'],
    { status = 200, fileName }: { status?: number; fileName?: string } = {},
  ) {
    this.type = type
    this.data = data
    this.status = status
    this.fileName = fileName
  }
}

/** JSON with a status of its own. */
export function jsonContent(status: number, value: unknown): Content {
  return new Content('application/json', `${JSON.stringify(value ?? {})}\n`, { status })
}

export function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
