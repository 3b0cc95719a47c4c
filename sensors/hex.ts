/** The value of an ASCII hexadecimal digit by its byte; 255 for every other byte. */
export const hexValue: Uint8Array = new Uint8Array(256).fill(255)
for (let i = 0; i < 16; i++) {
  const digit = i.toString(16)
  hexValue[digit.charCodeAt(0)] = i
  hexValue[digit.toUpperCase().charCodeAt(0)] = i
}

/** Two upper-case hexadecimal digits for each byte. */
export const hexPairs: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).toUpperCase().padStart(2, '0'),
)
