import { expect } from 'chai';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { expireTokens } from '../../src/applications/tokens/expire.ts';
import { newSecret } from '../../src/core/secret.ts';
import { oidcWorld } from './rp.ts';

/** A world with an application that signs. @returns what asks for a token with an assertion, the same each time */
async function machine() {
  const w = await oidcWorld();
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const { body } = await w.api<{ client_id: string }>('POST', '/applications', {
    client_name: 'Machine',
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] },
  });
  const assertion = (life: string) =>
    new SignJWT({ iss: body.client_id, sub: body.client_id, aud: w.url, jti: newSecret() })
      .setProtectedHeader({ alg: 'ES256' })
      .setExpirationTime(life)
      .sign(privateKey);
  const ask = async (client_assertion: string) => {
    const answer = await w.request('/oauth/token', {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_assertion,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      }),
    });
    return [answer.status, answer.body.error];
  };
  return { w, assertion, ask };
}

describe('oidc/models', () => {
  it('OA-21, RE-09: an assertion is good once, also where the machine is a minute behind the clock that all share', async () => {
    const { w, assertion, ask } = await machine();
    try {
      w.skew = 60_000;
      const once = await assertion('20s');
      expect(await ask(once)).to.deep.equal([200, undefined]);
      await expireTokens(w.app);
      expect(await ask(once)).to.deep.equal([401, 'invalid_client']);
    } finally {
      await w.close();
    }
  });

  it('OA-21, RE-09: a machine that is ten minutes behind takes no assertion that was forgotten meanwhile', async () => {
    const { w, assertion, ask } = await machine();
    try {
      const old = await assertion('4m');
      expect(await ask(old)).to.deep.equal([200, undefined]);
      w.skew = 10 * 60_000;
      await expireTokens(w.app);
      expect(await w.db('oidc_replay'), 'nothing is remembered').to.deep.equal([]);
      expect(await ask(old)).to.deep.equal([401, 'invalid_client']);
    } finally {
      await w.close();
    }
  });
});
