/** What differs between two states, by name: values stay out of the audit log, a directory may send anything. */
import { type Json, sameJson } from './json.ts';

/** Top-level names whose value is another one, at most a hundred of them. */
export function changedNames(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !sameJson(before[name] as Json, after[name] as Json)).slice(0, 100);
}
