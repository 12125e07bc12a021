/** What scanners look for is what is handed out: the expressions of SECURITY.md against every kind of secret. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { makeApplication, makePerson, oidcWorld, post, type RelyingParty, signIn } from '../oidc/rp.ts';
import { directory } from '../scim/door.ts';
import { routes } from '../../src/app.ts';
import { newSecret } from '../../src/core/secret.ts';
import type { World } from '../support/world.ts';

const published = new Map(
  [
    ...readFileSync(join(import.meta.dirname, '../../SECURITY.md'), 'utf8').matchAll(
      /^\| ([^|`]+) \| `(ltl_[^`]+)` \|$/gm,
    ),
  ].map(([, kind = '', expression = '']) => [kind.trim(), new RegExp(expression)] as const),
);
const kindsOf = (text: string): string[] =>
  [...published].filter(([, expression]) => expression.test(text)).map(([kind]) => kind);

describe('security: prefixes', function () {
  this.timeout(60_000);
  let w: World;
  before(async () => {
    w = await oidcWorld();
  });
  after(() => w.close());

  it('PR-08: every kind of secret that is handed out is found by exactly one published expression', async () => {
    expect(published.size).to.equal(5);
    const org = await w.api('POST', '/organizations', { org_name: 'Scanned' });
    const place = `/organizations/${org.body.org_id}`;
    const account = await w.api('POST', `${place}/service-accounts`, { name: 'a', permissions: ['users.read'] });
    const d = await directory(w, { orgId: String(org.body.org_id) });
    const scim = await w.api('POST', `${place}/scim-clients`, { name: 'another' });
    const rotated = await w.api('POST', `${place}/scim-clients/${scim.body.client_id}/secret`, {});
    const application = await makeApplication(w);
    const person = await makePerson(w, ['Members']);
    const { tokens } = await signIn(w, application, person, { scope: 'openid offline_access' });
    const secret = String(rotated.body.client_secret);
    const asking = { client_id: String(scim.body.client_id), client_secret: secret };
    const machine = await post(w, '/oauth/token', asking as RelyingParty, { grant_type: 'client_credentials' });
    const key = await w.api('POST', `${place}/api-keys`, {
      name: 'k',
      scopes: ['users.read'],
      service_account_id: account.body.service_account_id,
    });
    const handedOut: [string, unknown][] = [
      ['API key', key.body.key],
      ['SCIM token', d.token],
      ['client secret of an application or of a SCIM client', scim.body.client_secret],
      ['client secret of an application or of a SCIM client', application.client_secret],
      ['client secret of an application or of a SCIM client', secret],
      ['access token, opaque', tokens.access_token],
      ['access token, opaque', machine.body.access_token],
      ['refresh token', tokens.refresh_token],
    ];
    for (const [kind, secret] of handedOut) {
      expect(secret, kind).to.be.a('string');
      expect(kindsOf(String(secret)), kind).to.deep.equal([kind]);
      // As it is found in files: quoted, in an address, at the end of a line.
      for (const text of [`key="${secret}"`, `https://x.example/?k=${secret}&y=1`, `Bearer ${secret}\n`])
        expect(kindsOf(text), text.slice(0, 12)).to.deep.equal([kind]);
    }
    expect(new Set(handedOut.map(([kind]) => kind)), 'each expression is shown').to.deep.equal(
      new Set(published.keys()),
    );
    // Whatever the random part is, its last character included.
    for (let i = 0; i < 2000; i += 1) expect(kindsOf(newSecret('ltl_at_'))).to.have.length(1);
    for (const text of ['ltl_key_short', `ltl_key_${'a'.repeat(44)}`, `ltl_other_${'a'.repeat(43)}`])
      expect(kindsOf(text), text).to.deep.equal([]);
  });

  it('PR-08: a route that hands a secret out says so in its reply, and its kind has an expression', () => {
    const names = routes.flatMap(({ operationId, reply }) =>
      Object.keys((reply as { properties?: object } | undefined)?.properties ?? {})
        .filter((name) => /^(key|token|client_secret|secret|access_token|refresh_token)$/.test(name))
        .map((name) => `${operationId}.${name}`),
    );
    expect(names.sort()).to.deep.equal([
      'createApiKey.key',
      'createApplication.client_secret',
      'createOrganizationApiKey.key',
      'createScimClient.client_secret',
      'createScimToken.token',
      'rotateApplicationSecret.client_secret',
      'rotateScimClientSecret.client_secret',
      // A change of the method of authentication may make the first secret.
      'updateApplication.client_secret',
    ]);
  });
});
