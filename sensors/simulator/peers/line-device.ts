/** Values of a simulated microcontroller by name. */
export type Values = Readonly<Record<string, number>>

/** One line, without its end, in each of the formats that `lines` reads. */
export const LINE_FORMATS = {
  json: (values: Values): string => JSON.stringify(values),
  csv: (values: Values): string => Object.values(values).join(','),
  'key-value': (values: Values): string =>
    Object.entries(values)
      .map(([key, value]) => `${key}=${value}`)
      .join(', '),
  /** As an instrument for people prints it; read by a pattern. */
  text: (values: Values): string =>
    Object.entries(values)
      .map(([key, value]) => `${key} is ${value}`)
      .join('; '),
} as const
