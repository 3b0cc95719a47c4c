/** What an ECU says of itself when it claims its address (SAE J1939-81, 4.1.1): 64 bits. */
export interface EcuName {
  readonly identity: number
  readonly manufacturer: number
  readonly ecuInstance: number
  readonly functionInstance: number
  readonly function: number
  readonly vehicleSystem: number
  readonly vehicleSystemInstance: number
  readonly industryGroup: number
  readonly arbitrary: boolean
}

/** Reads the 8 bytes of an address claim; undefined where there are fewer. */
export function parseName(data: Uint8Array): EcuName | undefined {
  if (data.length < 8) return undefined
  return {
    identity: data[0] | (data[1] << 8) | ((data[2] & 0x1f) << 16),
    manufacturer: (data[2] >> 5) | (data[3] << 3),
    ecuInstance: data[4] & 7,
    functionInstance: data[4] >> 3,
    function: data[5],
    vehicleSystem: data[6] >> 1,
    vehicleSystemInstance: data[7] & 0x0f,
    industryGroup: (data[7] >> 4) & 7,
    arbitrary: data[7] >> 7 === 1,
  }
}

export function nameBytes(name: EcuName): Uint8Array {
  return Uint8Array.of(
    name.identity & 0xff,
    (name.identity >> 8) & 0xff,
    ((name.identity >> 16) & 0x1f) | ((name.manufacturer & 7) << 5),
    name.manufacturer >> 3,
    name.ecuInstance | (name.functionInstance << 3),
    name.function,
    name.vehicleSystem << 1,
    name.vehicleSystemInstance | (name.industryGroup << 4) | (name.arbitrary ? 0x80 : 0),
  )
}

/** The NAME as a number: of two that claim one address, the smaller wins (4.4.3.3). */
export function nameNumber(data: Uint8Array): bigint {
  return new DataView(data.buffer, data.byteOffset).getBigUint64(0, true)
}
