/** Revocation against what is issued at the same moment: the time that is kept agrees with who was first. */
import { expect } from 'chai';
import { revokeGrants } from '../../../src/applications/tokens/endings.ts';
import { makeApplication, makePerson, oidcWorld, refresh, signIn } from '../../oidc/rp.ts';
import { postgresOnly } from '../../support/database.ts';
import { until } from '../../support/waiting.ts';
import type { World } from '../../support/world.ts';

describe('applications: endings', () => {
  let w: World;

  before(async function () {
    postgresOnly(this);
    w = await oidcWorld();
  });
  after(() => w?.close());

  it('what is issued while a revocation waits is older than the revocation, and dead', async () => {
    const client = await makeApplication(w);
    const { tokens } = await signIn(w, client, await makePerson(w, ['Acme']));
    const { grant_id } = await w.db('oidc_grants').where({ client_id: client.client_id }).first('grant_id');
    // Somebody who issues holds the grant as all who issue do, so that the revocation has to wait.
    const issuing = await w.db.transaction();
    await issuing('oidc_grants').where({ grant_id }).forShare().select('grant_id');
    const revoking = revokeGrants(w.db, { grant_id }, 'consent_revoked');
    await until(async () => {
      const { rows } = await w.db.raw(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rows.length === 1;
    }, 10_000);
    const rotated = await refresh(w, client, tokens.refresh_token as string);
    expect(rotated.status).to.equal(200);
    await issuing.commit();
    expect(await revoking).to.deep.equal([grant_id]);
    const late = await w
      .db('oidc_refresh_tokens as t')
      .join('oidc_grants as g', 'g.grant_id', 't.grant_id')
      .where('t.created_at', '>', w.db.ref('g.revoked_at'));
    expect(late).to.deep.equal([]);
    expect((await refresh(w, client, rotated.body.refresh_token as string)).body.error).to.equal('invalid_grant');
  });
});
