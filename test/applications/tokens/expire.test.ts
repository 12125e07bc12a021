/** Expiry: rows that nothing can use go, whatever else still needs them stays (checklist RE-10). */
import { expect } from 'chai';
import { endFamily } from '../../../src/applications/tokens/endings.ts';
import { expireTokens } from '../../../src/applications/tokens/expire.ts';
import {
  makeApplication,
  makePerson,
  oidcWorld,
  type Person,
  post,
  refresh,
  type RelyingParty,
  signIn,
  userinfo,
  authorizationUrl,
  Browser,
} from '../../oidc/rp.ts';
import type { World } from '../../support/world.ts';

const day = 86_400_000;

describe('applications: expiry', () => {
  let w: World;
  let client: RelyingParty;
  let person: Person;
  beforeEach(async () => {
    w = await oidcWorld();
    client = await makeApplication(w);
    person = await makePerson(w);
  });
  afterEach(() => w.close());

  const counts = async () => {
    const tables = [
      'oidc_artifacts',
      'oidc_access_tokens',
      'oidc_replay',
      'oidc_refresh_tokens',
      'oidc_sessions',
      'oidc_grants',
    ];
    return Object.fromEntries(
      await Promise.all(tables.map(async (table) => [table, Number((await w.db(table).count())[0]?.count)])),
    );
  };

  it('leaves what is in use', async () => {
    const { tokens } = await signIn(w, client, person);
    await expireTokens(w.app);
    expect((await userinfo(w, tokens.access_token as string)).status).to.equal(200);
    expect((await refresh(w, client, tokens.refresh_token as string)).status).to.equal(200);
  });

  it('deletes what expired, in batches, table by table, and keeps what was granted', async () => {
    await signIn(w, client, person);
    await new Browser(w).go(authorizationUrl(client));
    const query = Object.fromEntries(new URL(authorizationUrl(client), w.url).searchParams);
    await post(w, '/oauth/par', client, query);
    await w.db.raw(
      `insert into oidc_replay select lpad(i::text, 43, '0'), now() - interval '1 minute' from generate_series(1, 12000) i`,
    );
    expect((await counts()).oidc_replay).to.equal(12_000);
    w.skew = day;
    await expireTokens(w.app);
    expect(await counts()).to.include({
      oidc_artifacts: 0,
      oidc_access_tokens: 0,
      oidc_replay: 0,
      oidc_refresh_tokens: 1,
      oidc_grants: 1,
    });
    w.skew = 100 * day;
    await expireTokens(w.app);
    expect(await counts()).to.deep.equal({
      oidc_artifacts: 0,
      oidc_access_tokens: 0,
      oidc_replay: 0,
      oidc_refresh_tokens: 0,
      oidc_sessions: 0,
      oidc_grants: 1,
    });
  });

  it('keeps a tombstone as long as a token of its family could come, and forgets revoked grants after their tokens', async () => {
    const { tokens } = await signIn(w, client, person);
    const grant = await w.db('oidc_grants').first();
    const { family_id } = await w.db('oidc_refresh_tokens').first();
    await endFamily(w.db, grant.grant_id, family_id);
    await w.db('oidc_grants').update({ updated_at: new Date(Date.now() - day) });
    await expireTokens(w.app);
    expect((await w.db('oidc_grants').first()).dead_families).to.deep.equal([family_id]);
    expect((await refresh(w, client, tokens.refresh_token as string)).body.error).to.equal('invalid_grant');
    w.skew = 100 * day;
    await w.db('oidc_grants').update({ updated_at: new Date(Date.now() - day) });
    await expireTokens(w.app);
    expect((await w.db('oidc_grants').first()).dead_families).to.deep.equal([]);
    await w.db('oidc_grants').update({ revoked_at: new Date() });
    await expireTokens(w.app);
    expect((await counts()).oidc_grants).to.equal(0);
  });
});
