import { internal } from '../../../sync/kafka/internal.ts'

type Cut = new (message: string, address: { host: string; port: number }) => Error

interface Broker {
  readonly connectionPool: { readonly host: string; readonly port: number }
  produce(request: unknown): Promise<unknown>
}

/**
 * Lets the broker take the produce request of this number, and then has kafkajs believe that the link
 * broke before the answer: nobody can know then whether it was taken. Answers how many there were.
 */
export function loseAnswerOf(number: number): { readonly requests: number; restore(): void } {
  const { prototype } = internal<{ prototype: Broker }>('broker/index')
  const { KafkaJSConnectionClosedError: Cut } = internal<Record<string, Cut>>('errors')
  const { produce } = prototype
  let requests = 0
  prototype.produce = async function (request) {
    const mine = ++requests
    const answer = await produce.call(this, request)
    if (mine !== number) return answer
    const { host, port } = this.connectionPool
    throw new Cut('cut after the request', { host, port })
  }
  return {
    get requests() {
      return requests
    },
    restore: () => {
      prototype.produce = produce
    },
  }
}
