import { expect } from 'chai';
import { makeApplication } from '../oidc/rp.ts';
import { formsOf, goodPassword, insertPersonWithPassword, Visitor } from '../signin/person.ts';
import { type World, world } from '../support/world.ts';

describe('security: accounts that end on the way', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  after(() => w.close());

  it('AU-22: an account that is switched off between the password and the code gets no code, however many others are active', async () => {
    const client = await makeApplication(w);
    // The mistake that this found asked whether anybody is active.
    await insertPersonWithPassword(w);
    for (const columns of [{ enabled: false }, { deleted_at: new Date() }]) {
      const { email, user_id } = await insertPersonWithPassword(w);
      const visitor = await new Visitor(w).begin(client);
      await visitor.fill({ identifier: email });
      const [form] = formsOf(visitor.page.text);
      const proven = await visitor.post(form?.action ?? '', { ...form?.fields, password: goodPassword });
      expect([proven.status, proven.location]).to.deep.equal([303, `${w.url}/oauth/authorize/${visitor.uid}`]);
      await w.db('users').where({ user_id }).update(columns);
      await visitor.follow(proven);
      expect(visitor.callback?.searchParams.get('code') ?? null, JSON.stringify(columns)).to.equal(null);
      // The way back is from the application; the browser is nobody's any more.
      expect((await visitor.begin(client)).heading).to.equal('Sign in');
      expect(await w.db('oidc_artifacts').where({ kind: 'AuthorizationCode' })).to.have.length(0);
    }
  });
});
