import { isLoopback } from './settings.ts'

/** Why a request was not answered; each is counted under its name and shown in the status. */
export type Refusal =
  | 'host'
  | 'origin'
  | 'token'
  | 'role'
  | 'rate'
  | 'streams'
  | 'path'
  | 'body'
  | 'malformed'
  | 'slow'
  | 'connections'

/** What of a request says where it comes from. */
export interface Origins {
  readonly host: string | undefined
  readonly origin: string | undefined
  /** `Sec-Fetch-Site` as the browser sets it; no page can. */
  readonly site: string | undefined
  /** The address of this machine that the connection came in on. */
  readonly localAddress: string
  readonly secure: boolean
}

/**
 * True where the Host header names this machine as it was reached: by the very address of the
 * connection, by `localhost` over loopback, or by a name that the config knows. A page that had its own
 * name point here (DNS rebinding) still sends its own name, and is refused.
 */
export function isOurHost({ host, localAddress }: Origins, names: readonly string[]): boolean {
  const found = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::\d{1,5})?$/i.exec(host ?? '')
  const name = (found?.[1] ?? found?.[2] ?? '').toLowerCase()
  if (name === '') return false
  const local = localAddress.replace(/^::ffff:/i, '').toLowerCase()
  if (name === local) return true
  if (isLoopback(local) && (name === 'localhost' || isLoopback(name))) return true
  return names.some((known) => known.toLowerCase() === name)
}

/**
 * True where no other site's page sent the request: a browser tells by Origin and Sec-Fetch-Site, and
 * what is no browser sends neither.
 * @param navigation a link was followed, and nobody but the tab's owner sees the answer
 */
export function isOurOrigin({ host, origin, site, secure }: Origins, navigation = false): boolean {
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !navigation) return false
  return origin === undefined || origin === `${secure ? 'https' : 'http'}://${host}`
}
