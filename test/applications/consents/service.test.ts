/** Consents: who may see them and take them back. */
import { expect } from 'chai';
import { listConsents, revokeConsent } from '../../../src/applications/consents/service.ts';
import type { Actor } from '../../../src/core/call.ts';
import { makeApplication, makePerson, oidcWorld, signIn } from '../../oidc/rp.ts';
import type { World } from '../../support/world.ts';

describe('applications: consents', () => {
  let w: World;
  before(async () => {
    w = await oidcWorld();
  });
  after(() => w.close());

  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'done',
      (error: { code?: string }) => error.code,
    );

  it('MT: a person has all of theirs; an administrator those in the organization; others nothing', async () => {
    const person = await makePerson(w, ['Acme', 'Beta']);
    const [acme, beta] = person.orgs as [string, string];
    const third = await makeApplication(w, { first_party: false });
    for (const organization_id of [acme, beta])
      await signIn(w, third, person, { organization_id }, { consent: 'allow' });
    const as = (actor: Partial<Actor>) =>
      w.call({ type: 'service_account', id: null, label: 'x', reach: null, permissions: new Set(), ...actor } as Actor);
    const self = as({ type: 'user', id: person.user_id });
    const admin = as({ reach: { org_id: acme }, permissions: new Set(['applications.read', 'applications.manage']) });
    const reader = as({ reach: { org_id: acme }, permissions: new Set(['applications.read']) });
    const stranger = as({ reach: { org_id: (await makePerson(w, ['Else'])).orgs[0] as string }, permissions: 'all' });
    const orgsOf = async (call: typeof self) =>
      (await listConsents(call, person.user_id, {})).items.map(({ org_id }) => org_id);
    expect(await orgsOf(self)).to.have.members([acme, beta]);
    expect(await orgsOf(w.call())).to.have.members([acme, beta]);
    expect(await orgsOf(admin)).to.deep.equal([acme]);
    expect(await codeOf(listConsents(stranger, person.user_id, {}))).to.equal('not_found');
    expect(
      await codeOf(listConsents(as({ type: 'user', id: (await makePerson(w)).user_id }), person.user_id, {})),
    ).to.equal('unauthenticated');
    // OA-17: an application that she lets act for her needs the scope; it is not she herself.
    const through = as({ type: 'user', id: person.user_id, reach: { org_id: acme }, through: third.client_id });
    expect(await codeOf(listConsents(through, person.user_id, {}))).to.equal('not_allowed');
    const there = (await listConsents(self, person.user_id, {})).items.find(({ org_id }) => org_id === beta);
    expect(
      await codeOf(revokeConsent(admin, person.user_id, there?.grant_id as string)),
      'in another organization',
    ).to.equal('not_found');
    const here = (await listConsents(admin, person.user_id, {})).items[0]?.grant_id as string;
    expect(await codeOf(revokeConsent(reader, person.user_id, here))).to.equal('not_allowed');
    await revokeConsent(admin, person.user_id, here);
    await revokeConsent(self, person.user_id, there?.grant_id as string);
    expect(await orgsOf(self)).to.deep.equal([]);
    const events = await w
      .db('audit_logs')
      .where({ action: 'consent.revoked' })
      .orderBy('log_id')
      .select('org_id', 'actor_type');
    expect(events).to.deep.equal([
      { org_id: acme, actor_type: 'service_account' },
      { org_id: beta, actor_type: 'user' },
    ]);
  });
});
