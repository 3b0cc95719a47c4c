// A thread that drives simulated vehicles and answers with the rows of each.
import { type MessagePort, parentPort } from 'node:worker_threads'
import type { DriveOrder } from './drive-pool.ts'
import { rowsOfDrive } from './model-drives.ts'

parentPort!.on('message', ({ order, answer }: { order: DriveOrder; answer: MessagePort }) => {
  try {
    const { timeUs, values } = rowsOfDrive(order.spec, order.features)
    answer.postMessage({ timeUs, values }, [timeUs.buffer, values.buffer])
  } catch (error) {
    answer.postMessage(error)
  }
})
