/** RE-17: no request holds the event loop longer than 50 ms, whoever sends it, to whichever door. */
import { expect } from 'chai';
import { onPostgres } from '../support/database.ts';
import { skipWithoutPostgres } from '../support/own-postgres.ts';
import { openIdAttacks } from './openid.ts';
import { pageAttacks } from './pages.ts';
import { restAttacks } from './rest.ts';
import { samlAttacks } from './saml.ts';
import { scimAttacks } from './scim.ts';
import { loadStage, type LoadStage } from './stage.ts';
import { suffer } from './suffer.ts';

describe('load: the event loop under attack', function () {
  this.timeout(600_000);
  // A busy machine gets a second try.
  this.retries(1);
  let stage: LoadStage;
  before(async function () {
    skipWithoutPostgres(this, onPostgres ? null : 'LINTEL_TEST_DATABASE_URL is not set');
    stage = await loadStage(100_000);
  });
  after(() => stage?.close());

  it('RE-17, TK-12: OpenID', async () => {
    expect(await suffer(stage, await openIdAttacks(stage))).to.deep.equal([]);
  });
  it('RE-17, WB-12: pages, headers, addresses', async () => {
    expect(await suffer(stage, pageAttacks(stage))).to.deep.equal([]);
  });
  it('RE-17, SA-10, SA-15: SAML', async () => {
    expect(await suffer(stage, samlAttacks(stage))).to.deep.equal([]);
  });
  it('RE-17, AZ-07: REST', async () => {
    expect(await suffer(stage, restAttacks(stage))).to.deep.equal([]);
  });
  it('RE-17, SC-06, SC-07, SC-10: SCIM', async () => {
    expect(await suffer(stage, await scimAttacks(stage))).to.deep.equal([]);
  });
  it('RE-17: the instrument sees a hold', async () => {
    const { longest } = await stage.watch(() => stage.hold(120));
    expect(longest).to.be.greaterThan(90);
  });
});
