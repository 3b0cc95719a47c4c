import { randomInt } from 'node:crypto'
import { connect, createServer } from 'node:net'

/**
 * Below the ports that Linux gives to outgoing connections (32768 on, ip(7)): one that is found free may
 * be listened on seconds later, and whoever connects to somewhere meanwhile must not have got it.
 */
const FROM_PORT = 20_000
const TO_PORT = 32_768
const MOST_TRIES = 100

/** Listens on the port of the loopback, lets go, and tells it; undefined if taken. */
async function tryPort(port: number): Promise<number | undefined> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' || error.code === 'EACCES' ? resolve(undefined) : reject(error),
    )
    server.listen({ port, host: '127.0.0.1' }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
    })
  })
}

export async function isFree(port: number): Promise<boolean> {
  return (await tryPort(port)) !== undefined
}

/** `preferred` where it is free, else any free port of the loopback. */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred && (await isFree(preferred))) return preferred
  let port: number | undefined
  for (let tries = 0; port === undefined && tries < MOST_TRIES; tries++) {
    port = await tryPort(randomInt(FROM_PORT, TO_PORT))
  }
  if (port === undefined) throw new Error('no free port on 127.0.0.1')
  return port
}

/** Whether somebody listens on this port of the loopback. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    const done = (yes: boolean) => (): void => {
      socket.destroy()
      resolve(yes)
    }
    socket.once('connect', done(true))
    socket.once('error', done(false))
  })
}
