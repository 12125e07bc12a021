import { expect } from 'chai';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { expireTokens } from '../../src/applications/tokens/expire.ts';
import { oidcWorld } from './rp.ts';

describe('oidc/models', () => {
  it('OA-21, RE-09: an assertion is good once, also where the machine is a minute behind the clock that all share', async () => {
    const w = await oidcWorld();
    try {
      const { privateKey, publicKey } = await generateKeyPair('ES256');
      const { body } = await w.api<{ client_id: string }>('POST', '/applications', {
        client_name: 'Machine',
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] },
      });
      w.skew = 60_000;
      const client_assertion = await new SignJWT({ iss: body.client_id, sub: body.client_id, aud: w.url, jti: 'once' })
        .setProtectedHeader({ alg: 'ES256' })
        .setExpirationTime('20s')
        .sign(privateKey);
      const ask = () =>
        w.request('/oauth/token', {
          method: 'POST',
          body: new URLSearchParams({
            grant_type: 'client_credentials',
            client_assertion,
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          }),
        });
      expect((await ask()).status).to.equal(200);
      await expireTokens(w.app);
      const again = await ask();
      expect([again.status, again.body.error]).to.deep.equal([401, 'invalid_client']);
    } finally {
      await w.close();
    }
  });
});
