import { expect } from 'chai';
import { ScimFault, type ScimType } from '../../src/scim/errors.ts';

/** The fault that `act` is refused with; fails when it is not refused, or not by us. */
export function refusal(act: () => unknown): ScimFault {
  try {
    act();
  } catch (fault) {
    if (fault instanceof ScimFault) return fault;
    throw fault;
  }
  throw new Error('was not refused');
}

export function expectRefusal(act: () => unknown, status: number, scimType?: ScimType): ScimFault {
  const fault = refusal(act);
  expect([fault.status, fault.scimType], fault.message).to.deep.equal([status, scimType]);
  return fault;
}
