// A thread that drives simulated vehicles and answers with the rows of each, or why there are none.
import { type MessagePort, parentPort } from 'node:worker_threads'
import { complaintOf } from '../error.ts'
import { rowsOfDrive } from './drive.ts'
import type { DriveAnswer, DriveOrder } from './pool.ts'

parentPort!.on('message', ({ order, answer }: { order: DriveOrder; answer: MessagePort }) => {
  const post = (message: DriveAnswer, transfer: ArrayBuffer[] = []) =>
    answer.postMessage(message, transfer)
  try {
    const { timeUs, values } = rowsOfDrive(order.spec, order.features)
    post({ timeUs, values }, [timeUs.buffer, values.buffer])
  } catch (error) {
    post({ failed: complaintOf(error) })
  }
})
