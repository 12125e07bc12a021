/** The OpenID door: forms, tokens of others, and requests that nobody would write. */
import { randomUUID } from 'node:crypto';
import { authorizationParameters } from '../oidc/rp.ts';
import { type Attack, attack, form } from './attack.ts';
import { compact, deep, fill } from './bodies.ts';
import { keyOfClient, type LoadStage } from './stage.ts';

export async function openIdAttacks({
  send,
  application,
  keyed_client_id,
  process: { url },
}: LoadStage): Promise<Attack[]> {
  const basic = `Basic ${Buffer.from(`${application.client_id}:${application.client_secret}`).toString('base64')}`;
  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    send(path, { method: 'POST', headers: { 'content-type': form, ...headers }, body });
  const refused = [400, 401, 413, 431, 303];
  const client = `client_id=${application.client_id}`;
  const authorize = new URLSearchParams(authorizationParameters(application, { state: undefined }));
  const { privateKey } = await keyOfClient();
  const { SignJWT, CompactEncrypt } = await import('jose');
  const assertion = (claims: object) =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'load' })
      .setIssuer(keyed_client_id)
      .setSubject(keyed_client_id)
      .setAudience(url)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(privateKey);
  const byKey = (jwt: string) =>
    `grant_type=client_credentials&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_id=${keyed_client_id}&client_assertion=${jwt}`;
  const bomb = compact(
    { alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 2_147_483_647, p2s: 'AAAAAAAAAAA' },
    'AAAA',
    'AAAA',
    'AAAA',
    'AAAA',
  );
  const zipped = await new CompactEncrypt(Buffer.alloc(8))
    .setProtectedHeader({ alg: 'dir', enc: 'A128GCM' })
    .encrypt(Buffer.alloc(16));
  const zip = [
    Buffer.from('{"alg":"dir","enc":"A128GCM","zip":"DEF"}').toString('base64url'),
    ...zipped.split('.').slice(1),
  ].join('.');
  const tokens = {
    'p2c of 2^31': bomb,
    zip: zip,
    '50,000 dots': '.'.repeat(50_000),
    'one segment of 50,000': 'a'.repeat(50_000),
  };
  return [
    attack('token: 10,000 parameters', refused, () => post('/oauth/token', fill('a=1&', 40_000))),
    attack('token: 1 MiB', refused, () => post('/oauth/token', fill('a=1&', 1_048_576))),
    attack('token: nested names', refused, () => post('/oauth/token', fill('a[b][c][d]=1&', 50_000))),
    attack('token: percent signs', refused, () => post('/oauth/token', `grant_type=${'%41'.repeat(16_000)}`)),
    attack('token: scope of 50,000', refused, () =>
      post('/oauth/token', `grant_type=client_credentials&scope=${fill('a+', 50_000)}`, { authorization: basic }),
    ),
    attack('token: resource 4,000 times', refused, () =>
      post('/oauth/token', `grant_type=client_credentials${fill('&resource=https%3A%2F%2Fa', 50_000)}`, {
        authorization: basic,
      }),
    ),
    attack('token: code of 50,000', refused, () =>
      post(
        '/oauth/token',
        `grant_type=authorization_code&code=${'a'.repeat(50_000)}&redirect_uri=x&code_verifier=${'a'.repeat(43)}`,
        { authorization: basic },
      ),
    ),
    attack('token: Basic of 15 KB', refused, () =>
      post('/oauth/token', 'grant_type=client_credentials', { authorization: `Basic ${'YTph'.repeat(3500)}` }),
    ),
    ...Object.entries(tokens).flatMap(([what, token]): Attack[] => [
      attack(`token: client_assertion, ${what} (TK-12)`, refused, () => post('/oauth/token', byKey(token))),
      attack(`par: request, ${what}`, refused, () =>
        post('/oauth/par', `${client}&request=${token}`, { authorization: basic }),
      ),
      attack(`introspection: ${what}`, [200, ...refused], () =>
        post('/oauth/introspect', `token=${token}`, { authorization: basic }),
      ),
      attack(`revocation: ${what}`, [200, ...refused], () =>
        post('/oauth/revoke', `token=${token}`, { authorization: basic }),
      ),
      attack(`sign-out: id_token_hint, ${what}`, [200, ...refused], () =>
        send(`/oauth/logout?id_token_hint=${token.slice(0, 15_000)}`),
      ),
      attack(`userinfo: ${what}`, refused, () =>
        send('/oauth/userinfo', { headers: { authorization: `Bearer ${token.slice(0, 15_000)}` } }),
      ),
      attack(`REST: bearer, ${what}`, refused, () =>
        send('/api/v1/organizations', { headers: { authorization: `Bearer ${token.slice(0, 15_000)}` } }),
      ),
    ]),
    attack('token: signed assertion of 50,000', [200, ...refused], async () =>
      post('/oauth/token', byKey(await assertion({ pad: 'a'.repeat(35_000) }))),
    ),
    attack('token: signed assertion, 20,000 claims', [200, ...refused], async () =>
      post('/oauth/token', byKey(await assertion({ pad: JSON.parse(`[${fill('0,', 30_000)}0]`) }))),
    ),
    attack('par: claims 10,000 deep', refused, () =>
      post('/oauth/par', `${authorize}&claims=${encodeURIComponent(`{"id_token":${deep(8000)}}`)}`, {
        authorization: basic,
      }),
    ),
    attack('par: claims with many names', [201, ...refused], () =>
      post(
        '/oauth/par',
        `${authorize}&claims=${encodeURIComponent(`{"id_token":{${Array.from({ length: 2500 }, (_, i) => `"c${i}":null`).join(',')}}}`)}`,
        { authorization: basic },
      ),
    ),
    attack('par: ui_locales of 50,000', [201, ...refused], () =>
      post('/oauth/par', `${authorize}&ui_locales=${fill('en+', 50_000)}`, { authorization: basic }),
    ),
    attack('par: acr_values of 50,000', [201, ...refused], () =>
      post('/oauth/par', `${authorize}&acr_values=${fill('a+', 50_000)}`, { authorization: basic }),
    ),
    attack('par: authorization_details', [201, ...refused], () =>
      post('/oauth/par', `${authorize}&authorization_details=${encodeURIComponent(deep(8000))}`, {
        authorization: basic,
      }),
    ),
    attack('par: state of 50,000', [201, ...refused], () =>
      post('/oauth/par', `${authorize}&state=${'a'.repeat(50_000)}`, { authorization: basic }),
    ),
    attack('authorize: 15 KB of parameters', refused, () =>
      send(`/oauth/authorize?${authorize}&${fill('a=1&', 14_000)}`),
    ),
    attack('authorize: claims 7,000 deep', refused, () =>
      send(`/oauth/authorize?${authorize}&claims={"id_token":${encodeURIComponent(deep(2000))}}`),
    ),
    attack('authorize: login_hint of 14,000', refused, () =>
      send(`/oauth/authorize?${authorize}&login_hint=${'a@'.repeat(7000)}`),
    ),
    attack('authorize: 490 parameters', refused, () => send(`/oauth/authorize?${authorize}&${fill('a=1&', 1900)}`)),
    attack('authorize: posted, 10,000 parameters', refused, () => post('/oauth/authorize', fill('a=1&', 50_000))),
    attack('authorize: posted, one name 10,000 times', refused, () =>
      post('/oauth/authorize', fill('state=1&', 56_000)),
    ),
  ];
}
