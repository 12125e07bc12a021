/** Refusals of a room that are about one field of the body name it, as those of the shape do, so that a form can show them there. */
import { Fault, type FaultEntry } from '../core/fault.ts';
import { faults } from '../core/faults.ts';
import type { Route } from './route.ts';

/** Whether a body has a value at a path such as `config/metadata_url`. */
function isGiven(body: unknown, path: string): boolean {
  let at = body;
  for (const name of path.split('/')) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, name)) return false;
    at = (at as Record<string, unknown>)[name];
  }
  return at !== undefined;
}

/**
 * The fault with the field that the catalogue says it is about, where the body has it; what is wrong by itself (400) also where it
 * is missing and could have been said. Anything else comes back as it was: the same fault may be about an address.
 */
export function namingField(error: unknown, { body: shape }: Pick<Route, 'body'>, body: unknown): unknown {
  if (!(error instanceof Fault) || error.errors !== undefined || shape === undefined) return error;
  const { fields = [] }: FaultEntry = faults[error.code];
  const { properties = {} } = shape as { properties?: object };
  const isMissing = (path: string) => error.status === 400 && Object.hasOwn(properties, path);
  const field = fields.find((path) => isGiven(body, path)) ?? fields.find(isMissing);
  if (field === undefined) return error;
  const { code, detail, says, cause, retryAfter } = error;
  const errors = [{ pointer: `/body/${field}`, detail: detail ?? says }];
  return new Fault(code, detail, { cause, retryAfter, errors });
}
