import { SensorError } from '../errors.ts'
import * as abi from './abi.ts'
import { interfaceDown } from './interface.ts'

/** What a failed call means for a person. */
export function failure(name: string, call: string, code: number): SensorError {
  const cause = new Error(`${call}: ${abi.errorName(code)}`)
  switch (code) {
    case abi.ENETDOWN:
      return interfaceDown(name, cause)
    case abi.ENODEV:
    case abi.ENXIO:
      return new SensorError('DEVICE_LOST', `Interface ${name} is gone.`, {
        cause,
        hint: 'Plug the adapter in again; see "dmesg". It is opened again by itself.',
      })
    case abi.EPERM:
    case abi.EACCES:
      return new SensorError('DEVICE_DENIED', `No permission for a CAN socket on ${name}.`, {
        cause,
        hint: 'In a unit: RestrictAddressFamilies=AF_CAN; in a container: --network=host --cap-add=NET_RAW.',
      })
    case abi.EAFNOSUPPORT:
    case abi.EPROTONOSUPPORT:
      return new SensorError('DEVICE_PROTOCOL', 'This kernel has no SocketCAN.', {
        cause,
        hint: 'modprobe can_raw',
      })
    case abi.EAGAIN:
    case abi.ENOBUFS:
      return new SensorError('DEVICE_BUSY', `The queue of ${name} is full.`, {
        cause,
        hint: `Does anybody acknowledge on this bus? If so: ip link set ${name} txqueuelen 128.`,
      })
    default:
      return new SensorError('DEVICE_LOST', `${name}: ${cause.message}`, { cause })
  }
}
