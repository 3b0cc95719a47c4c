/** A word in a signal's name that says where the vehicle is. Too many are better than one too few. */
const WORDS =
  /(^|[^a-z])(lat|lon|lng|long|latitude|longitude|gps|gnss|geo|position|pos|coord\w*|location|waypoint|easting|northing|mgrs|utm)($|[^a-z])/i

/** Units that only places have. */
const UNITS = new Set(['degrees', 'arcmin', 'arcsec', '1e-7 deg'])

/** `GPS.Latitude`, `VehLongitude`, `nav_pos_x`. */
export function isPositionName(name: string): boolean {
  const words = name.replace(/([a-z\d])([A-Z])/g, '$1 $2').replace(/[_\d]+/g, ' ')
  return WORDS.test(words) || /latitud|longitud/i.test(name)
}

export function isPositionUnit(unit: string): boolean {
  return UNITS.has(unit.toLowerCase())
}

const HIDDEN = '[position]'

/** NMEA sentences that tell a place, whole. */
const NMEA = /[$!][A-Z]{2}(GGA|GLL|RMC|GNS|RMA|BWC|WPL|VTG)[^\r\n"']*/g
/** `4807.038,N,01131.000,E`. */
const NMEA_PAIR = /\d{4}\.\d+,[NS],\d{5}\.\d+,[EW]/g
/** Two decimals beside each other that could be latitude and longitude. */
const PAIR = /[-+]?\d{1,2}\.\d{3,}\s*°?\s*[NS]?\s*[,; /]\s*[-+]?\d{1,3}\.\d{3,}\s*°?\s*[EW]?/g
/** 52°31'12.0"N. */
const SEXAGESIMAL = /\d{1,3}°\s*\d{1,2}['′]\s*[\d.]*\s*["″]?\s*[NSEW]?/g
/** A decimal in a line that speaks of a place. */
const DECIMAL = /[-+]?\d+\.\d{2,}/g

/** Takes places out of text, line by line. */
export function withoutPositions(text: string): string {
  return text
    .replace(NMEA, HIDDEN)
    .replace(NMEA_PAIR, HIDDEN)
    .replace(SEXAGESIMAL, HIDDEN)
    .replace(PAIR, HIDDEN)
    .replace(/[^\n]*(latitud|longitud|\blat\b|\blon\b|\blng\b)[^\n]*/gi, (line) =>
      line.replace(DECIMAL, HIDDEN),
    )
}
