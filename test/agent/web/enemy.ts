// What an enemy sends to the page's server, the same for the same seed.

const UP = ['..', '%2e%2e', '.%2e', '%252e%252e', '..%00', '%c0%ae%c0%ae', '....', '..;', '.']
const BETWEEN = ['/', '%2f', '\\', '%5c', '//', '/./', '%252f']
const WANTED = ['etc/passwd', 'package.json', '.git/config', 'milepost.yaml', 'data/outbox.db']
const FROM = ['', 'assets', 'api', 'metrics', 'assets%2f']

/** A path that wants out of the page's folder: steps up in many spellings, then a file that is worth something. */
export function climbing(chance: () => number): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(chance() * list.length)]
  let path = `/${pick(FROM)}`
  for (let steps = 1 + Math.floor(chance() * 8); steps > 0; steps--)
    path += pick(BETWEEN) + pick(UP)
  return path + pick(BETWEEN) + pick(WANTED)
}

/** A request that was right once, with something about it broken. */
export function broken(chance: () => number, port: number): Buffer {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(chance() * list.length)]
  // Mostly right, so that what is broken is met by the part that it is meant for.
  const or = <T>(right: T, list: readonly T[]): T => (chance() < 0.7 ? right : pick(list))
  const method = or('GET', ['POST', 'HEAD', 'PUT', 'TRACE', 'CONNECT', 'PRI', 'get', 'GET\t', ''])
  const path = pick([
    '/api/status',
    '/api/signals?match=*',
    '/api/live/readings?hz=1e9&match=*',
    '/api/live/frames?id=zz',
    '/api/events?limit=-1&beforeId=NaN',
    '/api/explain?event=99999999999999999999',
    '/',
    '*',
    `/${'%41'.repeat(900)}`,
    `/api/status?${'a=b&'.repeat(400)}`,
    '/api/__proto__',
    '/api/status?__proto__[x]=1',
    'http://other/api/status',
    '/\u0000',
  ])
  const headers = or('', [
    'Content-Length: 5\r\nContent-Length: 6\r\n',
    'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n',
    'Transfer-Encoding: nonsense\r\n',
    'Content-Type: application/json\r\nContent-Length: 99999999999\r\n',
    'Content-Type: application/json\r\nContent-Length: -1\r\n',
    `X-Long: ${'y'.repeat(9000)}\r\n`,
    'X-Many: 1\r\n'.repeat(300),
    'Upgrade: websocket\r\nConnection: Upgrade\r\n',
    'Expect: 100-continue\r\nContent-Length: 1\r\n',
    'Authorization: Bearer \u00ff\u00fe\r\n',
    'Range: bytes=0-,1-,2-,3-\r\n',
    'Accept-Encoding: \u0001\r\n',
    'Connection: close\r\n',
  ])
  const body = or('', ['{}', '{"a":', '\u0000\u0001', '0\r\n\r\n', 'ffffffffffff\r\n'])
  const bytes = Buffer.from(
    `${method} ${path} HTTP/${or('1.1', ['1.0', '2.0', '9'])}\r\nHost: 127.0.0.1:${port}\r\n${headers}\r\n${body}`,
    'latin1',
  )
  for (let flips = or(0, [1, 2, 3]); flips > 0; flips--) {
    bytes[Math.floor(chance() * bytes.length)] = Math.floor(chance() * 256)
  }
  return chance() < 0.1 ? bytes.subarray(0, Math.floor(chance() * bytes.length)) : bytes
}
