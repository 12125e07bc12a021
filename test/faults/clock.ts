/** Loaded before a Lintel process of a test: its clock is LINTEL_TEST_CLOCK_MS ahead of everybody else's (behind, when negative). */
const ahead = Number(process.env.LINTEL_TEST_CLOCK_MS ?? 0);
const RealDate = Date;

class ShiftedDate extends RealDate {
  constructor(...values: [] | [number | string | Date] | [number, number, ...number[]]) {
    if (values.length === 0) super(RealDate.now() + ahead);
    else super(...(values as [number]));
  }

  static override now(): number {
    return RealDate.now() + ahead;
  }
}

globalThis.Date = ShiftedDate as DateConstructor;
