import type { SASLOptions } from 'kafkajs'
import { SyncError } from '../errors.ts'
import { internal } from './fence.ts'

interface Encoded {
  encode(): Promise<unknown>
}

interface AuthenticatorArgs {
  saslAuthenticate(exchange: {
    request: Encoded
    response: { decode(raw: Buffer): Promise<Buffer>; parse(bytes: Buffer): Promise<string> }
  }): Promise<string | undefined>
}

/**
 * SASL OAUTHBEARER (RFC 7628). A broker that refuses a token answers with a text and waits for the
 * client to give up (§3.2.3). kafkajs does not look at the answer, takes itself for let in, and then
 * cannot tell why nothing works; here the answer is read.
 * @param readToken called anew for each connection
 */
export function oauthBearer(readToken: () => Promise<string>): SASLOptions {
  const { request } = internal<{
    request(sasl: object, token: { value: string }): Promise<Encoded>
  }>('protocol/sasl/oauthBearer')
  const { decode } = internal<{ decode(raw: Buffer): Promise<Buffer> }>(
    'protocol/sasl/scram/firstMessage/response',
  )
  const authenticationProvider = ({ saslAuthenticate }: AuthenticatorArgs) => ({
    authenticate: async () => {
      const refusal = await saslAuthenticate({
        request: await request({}, { value: await readToken() }),
        response: { decode, parse: async (bytes) => bytes?.toString() ?? '' },
      })
      if (!refusal) return
      throw new SyncError('UPLINK_DENIED', `The broker refuses the token: ${refusal}`, {
        hint: 'Check that the program which renews the token under `uplink.sasl.token` runs, and the clock of the device.',
      })
    },
  })
  return { mechanism: 'oauthbearer', authenticationProvider } as unknown as SASLOptions
}
