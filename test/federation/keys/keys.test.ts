/** Our own SAML keys: made once, sealed, and changed without a gap. */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { Sealer } from '../../../src/core/secret.ts';
import { resealSamlKeys, rotateSamlKeys, samlKeys, verifySamlKeys } from '../../../src/federation/keys/service.ts';
import { type World, world } from '../../support/world.ts';
import { type Company, company, signIn } from '../company.ts';

describe('federation/keys', () => {
  let w: World;
  let c: Company;
  before(async () => {
    w = await world();
    c = await company(w, { auto_provision: true });
  });
  after(() => w.close());

  const states = async () =>
    (await w.db('saml_keys').orderBy(['key_use', 'state'])).map(
      ({ key_use, state }: { key_use: string; state: string }) => `${key_use} ${state}`,
    );

  it('are made at the first need, once, a current and a next one for each use', async () => {
    expect(await states(), 'nobody needed one yet').to.deep.equal([]);
    await Promise.all([samlKeys(w.app), samlKeys(w.app), samlKeys(w.app)]);
    expect(await states()).to.deep.equal(['encryption current', 'encryption next', 'signing current', 'signing next']);
  });

  it('SD-01: are sealed to their row', async () => {
    const rows = await w.db('saml_keys');
    expect(JSON.stringify(rows)).not.to.include('PRIVATE');
    const [one, two] = rows;
    await w.db('saml_keys').where({ key_id: one.key_id }).update({ private_key_encrypted: two.private_key_encrypted });
    const failure = await verifySamlKeys(w.app).catch((error: Error) => error.constructor.name);
    expect(failure, 'a value of another row').to.equal('SealError');
    await w.db('saml_keys').where({ key_id: one.key_id }).update({ private_key_encrypted: one.private_key_encrypted });
    await verifySamlKeys(w.app);
  });

  it('SD-05: a process with another sealing key does not start with them', async () => {
    const stranger = { ...w.app, sealer: new Sealer([randomBytes(32).toString('base64')]) };
    expect(await verifySamlKeys(stranger).catch((error: Error) => error.constructor.name)).to.equal('SealError');
  });

  it('SD-04: are sealed anew under a new key', async () => {
    const fresh = randomBytes(32).toString('base64');
    const both = { ...w.app, sealer: new Sealer([fresh, w.config.key]) };
    expect(await resealSamlKeys(both)).to.equal(4);
    expect(await resealSamlKeys(both)).to.equal(0);
    await verifySamlKeys({ ...w.app, sealer: new Sealer([fresh]) });
    await resealSamlKeys({ ...w.app, sealer: new Sealer([w.config.key, fresh]) });
  });

  it('SA-12: a rollover goes without a gap: what an identity provider read before works after', async () => {
    const metadata = async () => (await w.request(new URL(c.provider.sp.metadata_url).pathname)).text;
    const certificate = async (state: string): Promise<string> =>
      (await w.db('saml_keys').where({ key_use: 'encryption', state }).orderBy('retired_at', 'desc').first())
        .certificate_pem;
    const body = (pem: string) => pem.replace(/-----[A-Z ]+-----|\s+/g, '');
    const person = { subject: 's1', email: `ada@${c.domain}` };
    const encrypted = async (pem: string) =>
      (await signIn(w, c, person, { encrypt: { certificate: pem } })).answer.status;

    const [current, next] = [await certificate('current'), await certificate('next')];
    expect(await metadata())
      .to.include(body(current))
      .and.include(body(next));
    await rotateSamlKeys(w.app);
    expect(await certificate('current')).to.equal(next);
    expect(await metadata())
      .to.include(body(next))
      .and.not.include(body(current));
    expect(await encrypted(current), 'an identity provider that did not look').to.equal(303);
    expect(await encrypted(next)).to.equal(303);
    w.skew += 31 * 24 * 3_600_000;
    await rotateSamlKeys(w.app);
    expect(await w.db('saml_keys').where({ certificate_pem: current }), 'after 30 days').to.have.length(0);
    const actions = await w.db('audit_logs').where({ object_type: 'saml_key' }).pluck('action');
    expect(actions).to.include.members([
      'saml_key.created',
      'saml_key.activated',
      'saml_key.retired',
      'saml_key.removed',
    ]);
  });
});
