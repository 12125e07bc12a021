/** The table of a run: what was measured, against which floor, and whether it reaches its target. */

export interface Line {
  readonly what: string;
  readonly measured: string;
  readonly floor: string;
  readonly result: string;
  readonly target: string;
  /** Null: told for information. */
  readonly reached: boolean | null;
}

const heads = ['what', 'measured', 'floor of this run', 'result', 'target', ''] as const;

export function printTable(lines: readonly Line[]): string {
  const rows = lines.map(({ what, measured, floor, result, target, reached }) => [
    what,
    measured,
    floor,
    result,
    target,
    reached === null ? '' : reached ? 'reached' : 'NOT REACHED',
  ]);
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(heads), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

export const whole = (value: number): string => Math.round(value).toLocaleString('en');
export const percent = (share: number): string => `${Math.round(share * 100)} %`;
export const milliseconds = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
