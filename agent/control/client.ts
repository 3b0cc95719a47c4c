import { request } from 'node:http'
import { AgentError, type Complaint } from '../error.ts'

const TIMEOUT_MS = 3_000

/** Asks the agent that listens at `socketPath`. Throws `AGENT_DOWN` where none answers. */
export function ask<T>(socketPath: string, method: 'GET' | 'POST', path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const down = (cause: Error): void =>
      reject(
        new AgentError('AGENT_DOWN', `No agent answers on ${socketPath}: ${cause.message}`, {
          cause,
          hint: 'Start it with "milepost run -c FILE", or name the right config with -c.',
        }),
      )
    const call = request({ socketPath, method, path, timeout: TIMEOUT_MS }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', down)
      response.on('end', () => {
        try {
          const body = JSON.parse(text)
          if (response.statusCode === 200) return resolve(body as T)
          const { message } = body as Complaint
          down(new Error(message ?? `status ${response.statusCode}`))
        } catch (error) {
          down(error as Error)
        }
      })
    })
    call.on('error', down)
    call.on('timeout', () => call.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
    call.end()
  })
}

export async function isAnswering(socketPath: string): Promise<boolean> {
  return ask(socketPath, 'GET', '/status').then(
    () => true,
    () => false,
  )
}
