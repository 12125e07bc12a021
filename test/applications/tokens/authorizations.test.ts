/** What a request writes of the notes in the provider's session: only what it changed. */
import { expect } from 'chai';
import { authorizationChanges } from '../../../src/applications/tokens/authorizations.ts';

describe('applications/tokens/authorizations', () => {
  const before = { a: { sid: '1', grantId: 'x' }, b: { sid: '2' } };

  it('says nothing of what is as it was', () => {
    expect(authorizationChanges(before, structuredClone(before))).to.deep.equal({ changed: {}, gone: [] });
  });

  it('says of an application what is new or otherwise, and which are gone', () => {
    const after = { a: { sid: '1', grantId: 'y', persistsLogout: true }, c: { sid: '3' }, d: {} };
    expect(authorizationChanges(before, after)).to.deep.equal({
      changed: { a: { grantId: 'y', persistsLogout: true }, c: { sid: '3' }, d: {} },
      gone: ['b'],
    });
  });
});
