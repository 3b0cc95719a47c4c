/** What is used of js-quantities, which comes without types. */
declare module 'js-quantities' {
  interface Quantity {
    readonly scalar: number
    isCompatible(other: Quantity): boolean
    to(unit: string): Quantity
    /** `speed`, `pressure`; empty where the dimension has no name. */
    kind(): string
  }
  /** Throws where the unit is not known. */
  const Qty: (scalar: number, unit: string) => Quantity
  export default Qty
}
