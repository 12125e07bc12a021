/** Discovery and keys (names after the certification's discovery modules). */
import { expect } from 'chai';
import { request } from 'node:http';
import type { World } from '../support/world.ts';
import { oidcWorld } from './rp.ts';

/** A request with exactly these headers: fetch would add some of its own. */
function raw(
  w: World,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number | undefined; text: string }> {
  const { port } = new URL(w.url);
  return new Promise((resolve, reject) => {
    request({ host: 'localhost', port, path, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode, text }));
    })
      .on('error', reject)
      .end();
  });
}

describe('oidc: documents', () => {
  let w: World;
  before(async () => {
    w = await oidcWorld();
  });
  after(() => w.close());

  it('discovery-endpoint-verification: every address is the issuer’s, at both well-known places', async () => {
    for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
      const { status, body } = await w.request(path);
      expect(status).to.equal(200);
      expect(body.issuer).to.equal(w.url);
      const addresses = Object.entries(body).filter(([name]) => /_endpoint$|_uri$/.test(name));
      expect(addresses.map(([name]) => name)).to.include.members([
        'authorization_endpoint',
        'token_endpoint',
        'jwks_uri',
        'userinfo_endpoint',
      ]);
      for (const [name, value] of addresses) expect(value, name).to.match(new RegExp(`^${w.url}/oauth/[a-z]+$`));
    }
  });

  it('OA-08, OA-09, TK-01: only the code flow, iss in responses, asymmetric algorithms, S256', async () => {
    const { body } = await w.request('/.well-known/openid-configuration');
    expect(body.response_types_supported).to.deep.equal(['code']);
    expect(body.grant_types_supported).to.have.members(['authorization_code', 'refresh_token', 'client_credentials']);
    expect(body.authorization_response_iss_parameter_supported).to.equal(true);
    expect(body.code_challenge_methods_supported).to.deep.equal(['S256']);
    expect(body.id_token_signing_alg_values_supported).to.deep.equal(['ES256', 'RS256']);
    expect(JSON.stringify(body)).not.to.match(/HS256|client_secret_jwt|implicit|password/);
    expect(body.token_endpoint_auth_methods_supported).to.deep.equal([
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      'none',
    ]);
  });

  it('MT-04: a forged Host or X-Forwarded-Host does not reach it', async () => {
    const forged = await w.request('/.well-known/openid-configuration', {
      headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', forwarded: 'host=evil.example' },
    });
    expect(forged.text).not.to.include('evil.example');
    const { status } = await raw(w, '/.well-known/openid-configuration', { host: 'evil.example' });
    expect(status).to.equal(421);
    expect((await w.request('/.well-known/openid-configuration')).text).not.to.include('evil.example');
  });

  it('can be kept: Cache-Control, ETag and 304', async () => {
    for (const path of ['/.well-known/openid-configuration', '/oauth/jwks']) {
      const first = await w.request(path);
      expect(first.headers.get('cache-control')).to.match(/^public, max-age=\d+$/);
      const etag = first.headers.get('etag') as string;
      const again = await raw(w, path, { 'if-none-match': etag });
      expect([again.status, again.text]).to.deep.equal([304, '']);
      expect((await w.request(path)).text).to.equal(first.text);
      expect((await w.request(path, { method: 'HEAD' })).status).to.equal(200);
    }
  });

  it('TK-10: the key set has public members of an ES256 and an RS256 key, and private halves are sealed', async () => {
    const { body, headers } = await w.request('/oauth/jwks');
    expect(headers.get('content-type')).to.match(/^application\/jwk-set\+json/);
    const keys = body.keys as Record<string, string>[];
    expect(keys.map(({ alg }) => alg)).to.have.members(['ES256', 'RS256']);
    for (const key of keys) expect(Object.keys(key)).not.to.include.members(['d']).and.not.to.include('p');
    expect(JSON.stringify(body)).not.to.match(/"(d|p|q|dp|dq|qi|k)":/);
    const rows = await w.db('signing_keys').select('private_jwk_encrypted', 'kid');
    for (const { private_jwk_encrypted, kid } of rows) {
      expect(private_jwk_encrypted).to.match(/^v1\./).and.not.to.include('"d"');
      expect(() => w.app.sealer.open(private_jwk_encrypted, 'signing_keys:private_jwk_encrypted:another')).to.throw();
      expect(w.app.sealer.open(private_jwk_encrypted, `signing_keys:private_jwk_encrypted:${kid}`)).to.include('"d"');
    }
  });

  it('WB-09: documents may be read by any origin, without credentials', async () => {
    const { headers } = await w.request('/oauth/jwks', { headers: { origin: 'https://spa.example' } });
    expect(headers.get('access-control-allow-origin')).to.equal('*');
    expect(headers.get('access-control-allow-credentials')).to.equal(null);
  });

  it('knows each address in one spelling only', async () => {
    for (const path of ['/OAUTH/token', '/oauth/token/', '/oauth//token', '/oauth/jwks/', '/oauth/authorize/short']) {
      expect((await w.request(path, { headers: { accept: 'application/json' } })).status, path).to.equal(404);
    }
  });
});
