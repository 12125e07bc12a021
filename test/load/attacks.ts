/** Every door with the worst input that it takes, and with what it should refuse at once. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { org_id } from '../bench/population.ts';
import { attribute, encodePost, responseXml } from '../support/saml/messages.ts';
import { compact, deep, fill, largeValues } from './bodies.ts';
import { keyOfClient, type LoadStage, type Reply } from './stage.ts';

export interface Attack {
  readonly name: string;
  /** What it may be answered with. */
  readonly status: readonly number[];
  readonly run: () => Promise<Reply>;
}

const form = 'application/x-www-form-urlencoded';
const json = 'application/json';
const scimJson = 'application/scim+json';
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const BULK = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

const s256 = (text: string): string => createHash('sha256').update(text).digest('base64url');

export async function attacks(stage: LoadStage): Promise<Attack[]> {
  return [
    ...(await openIdAttacks(stage)),
    ...pageAttacks(stage),
    ...samlAttacks(stage),
    ...restAttacks(stage),
    ...(await scimAttacks(stage)),
  ];
}

async function openIdAttacks({ send, application, keyed_client_id, process: { url } }: LoadStage): Promise<Attack[]> {
  const basic = `Basic ${Buffer.from(`${application.client_id}:${application.client_secret}`).toString('base64')}`;
  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    send(path, { method: 'POST', headers: { 'content-type': form, ...headers }, body });
  const refused = [400, 401, 413, 431, 303];
  const client = `client_id=${application.client_id}`;
  const authorize = new URLSearchParams({
    client_id: application.client_id,
    redirect_uri: 'https://app.example/cb',
    response_type: 'code',
    scope: 'openid',
    code_challenge: s256('x'),
    code_challenge_method: 'S256',
  });
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
  const bomb = compact({ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 2_147_483_647, p2s: 'AAAAAAAAAAA' }, 'AAAA', 'AAAA', 'AAAA', 'AAAA');
  const zipped = await new CompactEncrypt(Buffer.alloc(8))
    .setProtectedHeader({ alg: 'dir', enc: 'A128GCM' })
    .encrypt(Buffer.alloc(16));
  const zip = [Buffer.from('{"alg":"dir","enc":"A128GCM","zip":"DEF"}').toString('base64url'), ...zipped.split('.').slice(1)].join('.');
  const tokens = { 'p2c of 2^31': bomb, 'zip': zip, '50,000 dots': '.'.repeat(50_000), 'one segment of 50,000': 'a'.repeat(50_000) };
  return [
    { name: 'token: 10,000 parameters', status: refused, run: () => post('/oauth/token', fill('a=1&', 40_000)) },
    { name: 'token: 1 MiB', status: refused, run: () => post('/oauth/token', fill('a=1&', 1_048_576)) },
    { name: 'token: nested names', status: refused, run: () => post('/oauth/token', fill('a[b][c][d]=1&', 50_000)) },
    { name: 'token: percent signs', status: refused, run: () => post('/oauth/token', `grant_type=${'%41'.repeat(16_000)}`) },
    { name: 'token: scope of 50,000', status: refused, run: () => post('/oauth/token', `grant_type=client_credentials&scope=${fill('a+', 50_000)}`, { authorization: basic }) },
    { name: 'token: resource 4,000 times', status: refused, run: () => post('/oauth/token', `grant_type=client_credentials${fill('&resource=https%3A%2F%2Fa', 50_000)}`, { authorization: basic }) },
    { name: 'token: code of 50,000', status: refused, run: () => post('/oauth/token', `grant_type=authorization_code&code=${'a'.repeat(50_000)}&redirect_uri=x&code_verifier=${'a'.repeat(43)}`, { authorization: basic }) },
    { name: 'token: Basic of 15 KB', status: refused, run: () => post('/oauth/token', 'grant_type=client_credentials', { authorization: `Basic ${'YTph'.repeat(3500)}` }) },
    ...Object.entries(tokens).flatMap(([what, token]): Attack[] => [
      { name: `token: client_assertion, ${what} (TK-12)`, status: refused, run: () => post('/oauth/token', byKey(token)) },
      { name: `par: request, ${what}`, status: refused, run: () => post('/oauth/par', `${client}&request=${token}`, { authorization: basic }) },
      { name: `introspection: ${what}`, status: [200, ...refused], run: () => post('/oauth/introspect', `token=${token}`, { authorization: basic }) },
      { name: `revocation: ${what}`, status: [200, ...refused], run: () => post('/oauth/revoke', `token=${token}`, { authorization: basic }) },
      { name: `sign-out: id_token_hint, ${what}`, status: [200, ...refused], run: () => send(`/oauth/logout?id_token_hint=${token.slice(0, 15_000)}`) },
      { name: `userinfo: ${what}`, status: refused, run: () => send('/oauth/userinfo', { headers: { authorization: `Bearer ${token.slice(0, 15_000)}` } }) },
      { name: `REST: bearer, ${what}`, status: refused, run: () => send('/api/v1/organizations', { headers: { authorization: `Bearer ${token.slice(0, 15_000)}` } }) },
    ]),
    { name: 'token: signed assertion of 50,000', status: [200, ...refused], run: async () => post('/oauth/token', byKey(await assertion({ pad: 'a'.repeat(35_000) }))) },
    { name: 'token: signed assertion, 20,000 claims', status: [200, ...refused], run: async () => post('/oauth/token', byKey(await assertion({ pad: JSON.parse(`[${fill('0,', 30_000)}0]`) }))) },
    { name: 'par: claims 10,000 deep', status: refused, run: () => post('/oauth/par', `${authorize}&claims=${encodeURIComponent(`{"id_token":${deep(8000)}}`)}`, { authorization: basic }) },
    { name: 'par: claims with many names', status: [201, ...refused], run: () => post('/oauth/par', `${authorize}&claims=${encodeURIComponent(`{"id_token":{${Array.from({ length: 2500 }, (_, i) => `"c${i}":null`).join(',')}}}`)}`, { authorization: basic }) },
    { name: 'par: ui_locales of 50,000', status: [201, ...refused], run: () => post('/oauth/par', `${authorize}&ui_locales=${fill('en+', 50_000)}`, { authorization: basic }) },
    { name: 'par: acr_values of 50,000', status: [201, ...refused], run: () => post('/oauth/par', `${authorize}&acr_values=${fill('a+', 50_000)}`, { authorization: basic }) },
    { name: 'par: authorization_details', status: [201, ...refused], run: () => post('/oauth/par', `${authorize}&authorization_details=${encodeURIComponent(deep(8000))}`, { authorization: basic }) },
    { name: 'par: state of 50,000', status: [201, ...refused], run: () => post('/oauth/par', `${authorize}&state=${'a'.repeat(50_000)}`, { authorization: basic }) },
    { name: 'authorize: 15 KB of parameters', status: refused, run: () => send(`/oauth/authorize?${authorize}&${fill('a=1&', 14_000)}`) },
    { name: 'authorize: claims 7,000 deep', status: refused, run: () => send(`/oauth/authorize?${authorize}&claims={"id_token":${encodeURIComponent(deep(2000))}}`) },
    { name: 'authorize: login_hint of 14,000', status: refused, run: () => send(`/oauth/authorize?${authorize}&login_hint=${'a@'.repeat(7000)}`) },
    { name: 'authorize: 490 parameters', status: refused, run: () => send(`/oauth/authorize?${authorize}&${fill('a=1&', 1900)}`) },
    { name: 'authorize: posted, 10,000 parameters', status: refused, run: () => post('/oauth/authorize', fill('a=1&', 50_000)) },
    { name: 'authorize: posted, one name 10,000 times', status: refused, run: () => post('/oauth/authorize', fill('state=1&', 56_000)) },
  ];
}

function pageAttacks({ send, process: { url } }: LoadStage): Attack[] {
  const uid = 'a'.repeat(21);
  const refused = [303, 400, 401, 403, 404, 405, 406, 413, 415, 431];
  const any = [200, ...refused];
  const paths = ['/', '/health/live', '/openapi.json', '/api/docs', '/.well-known/openid-configuration', `/signin/${uid}`, '/scim/v2/Schemas', '/oauth/jwks', '/nothing'];
  const headers: Record<string, Record<string, string>> = {
    'cookies of 15 KB': { cookie: fill('a=1; ', 15_000) },
    'one cookie of 15 KB': { cookie: `_session=${'a'.repeat(15_000)}; _session.sig=${'a'.repeat(27)}` },
    'spaces as a cookie': { cookie: `a=1;${' '.repeat(15_000)}b` },
    'accept of 15 KB': { accept: fill('a/b,', 15_000) },
    'accept with parameters': { accept: fill('text/html;a=b;c=d,', 15_000) },
    'accept-language of 15 KB': { 'accept-language': fill('a,', 15_000) },
    'if-none-match of 15 KB': { 'if-none-match': fill('"a",', 15_000) },
    'x-forwarded-for of 15 KB': { 'x-forwarded-for': fill('1.1.1.1,', 15_000) },
    'range of 15 KB': { range: `bytes=${fill('0-1,', 15_000)}` },
    'content-type of 15 KB': { 'content-type': `text/plain;${fill('a=b;', 15_000)}` },
    'user-agent of 15 KB': { 'user-agent': 'a'.repeat(15_000) },
    'origin of 15 KB': { origin: `https://${fill('a.', 15_000)}` },
  };
  return [
    ...paths.map((path): Attack => ({ name: `GET ${path}`, status: any, run: () => send(path) })),
    ...paths.flatMap((path) =>
      Object.entries(headers).map(([what, sent]): Attack => ({ name: `GET ${path}: ${what}`, status: any, run: () => send(path, { headers: sent }) })),
    ),
    { name: 'a path of 15 KB', status: any, run: () => send(`/${fill('a/', 15_000)}`) },
    { name: 'a path of 15 KB of REST', status: any, run: () => send(`/api/v1/${fill('a/', 15_000)}`) },
    { name: 'a path of 15 KB of SCIM', status: any, run: () => send(`/scim/v2/${fill('a/', 15_000)}`) },
    { name: 'a query of 15 KB', status: any, run: () => send(`/?${fill('a&', 15_000)}`) },
    { name: 'a path of 15 KB of signs', status: any, run: () => send(`/${fill('%25', 15_000)}`) },
    { name: 'sign-in: a form of 10,000', status: any, run: () => send(`/signin/${uid}`, { method: 'POST', headers: { 'content-type': form, origin: url }, body: fill('a=1&', 32_000) }) },
    { name: 'sign-in: a form of 1 MiB', status: any, run: () => send(`/signin/${uid}`, { method: 'POST', headers: { 'content-type': form, origin: url }, body: fill('a=1&', 1_048_576) }) },
    { name: 'sign-in: multipart of 1 MiB', status: any, run: () => send(`/signin/${uid}`, { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=a', origin: url }, body: fill('--a\r\n', 1_048_576) }) },
  ];
}

function samlAttacks(stage: LoadStage): Attack[] {
  const { provider, send, sql } = stage;
  const acs = `/saml/${provider.provider_id}/acs`;
  const slo = `/saml/${provider.provider_id}/slo`;
  const soon = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
  const facts = () => ({
    responseId: `_r${randomBytes(12).toString('hex')}`,
    assertionId: `_a${randomBytes(12).toString('hex')}`,
    issueInstant: soon(-2), assertionIssueInstant: soon(-2), notBefore: soon(-60), notOnOrAfter: soon(300),
    confirmationNotOnOrAfter: soon(300), authnInstant: soon(-5),
    destination: provider.acs_url, recipient: provider.acs_url, audience: `${provider.acs_url.replace(/acs$/, 'metadata')}`,
    issuer: provider.idp, responseIssuer: provider.idp, inResponseTo: '_q1',
  });
  const bodies: Record<string, () => string> = {
    '500 attributes of 400 bytes, rightly signed': () => encodePost(responseXml({ ...facts(), attributes: `<saml:AttributeStatement>${Array.from({ length: 500 }, (_, i) => attribute(`name${i}`, ['x'.repeat(350)])).join('')}</saml:AttributeStatement>` })),
    '19,000 values, rightly signed': () => encodePost(responseXml({ ...facts(), attributes: `<saml:AttributeStatement>${attribute('groups', Array.from({ length: 4_500 }, () => 'g'))}</saml:AttributeStatement>` })),
    'a tree of 19,900 elements': () => encodePost(responseXml({ ...facts(), extensions: `<samlp:Extensions>${'<a/>'.repeat(19_900)}</samlp:Extensions>` })),
    'a tree 63 deep, many times': () => encodePost(responseXml({ ...facts(), extensions: `<samlp:Extensions>${`${'<a>'.repeat(58)}${'</a>'.repeat(58)}`.repeat(300)}</samlp:Extensions>` })),
    'namespaces 4,000': () => encodePost(responseXml({ ...facts(), extensions: `<samlp:Extensions>${Array.from({ length: 66 }, (_, i) => `<a ${Array.from({ length: 60 }, (__, j) => `xmlns:p${i}x${j}="urn:x"`).join(' ')}/>`).join('')}</samlp:Extensions>` })),
    'signatures 200': () => { const xml = responseXml(facts()); const signature = /<(?:ds:)?Signature[\s>][\s\S]*?<\/(?:ds:)?Signature>/.exec(xml)?.[0] ?? ''; return encodePost(xml.replace(signature, signature.repeat(100))); },
    'transforms 2,000': () => { const xml = responseXml(facts()); return encodePost(xml.replace(/<(ds:)?Transforms>/, (all) => `${all}${'<ds:Transform xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>'.repeat(1_500)}`)); },
    'deeper than is read': () => encodePost(`<a>`.repeat(80_000)),
    'entities': () => encodePost(`<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;</a>${' '.repeat(200_000)}`),
    'no XML': () => 'A'.repeat(340_000),
    'no base64': () => '%25'.repeat(100_000),
    'attributes without end': () => encodePost(`<a ${fill('b="" ', 200_000)}`),
    'angles': () => encodePost('<'.repeat(256 * 1024)),
    'an attribute value of 250 KB': () => encodePost(responseXml({ ...facts(), extensions: `<samlp:Extensions><a b="${'x'.repeat(180_000)}"/></samlp:Extensions>` })),
    'references to characters': () => encodePost(responseXml({ ...facts(), extensions: `<samlp:Extensions>${'&#65;'.repeat(35_000)}</samlp:Extensions>` })),
  };
  const post = (path: string, field: string) =>
    send(path, { method: 'POST', headers: { 'content-type': form }, body: new URLSearchParams({ SAMLResponse: field, RelayState: 'x' }) });
  const bomb = (size: number) => encodeURIComponent(deflateRawSync(Buffer.alloc(size, 'a'), { level: 9 }).toString('base64').slice(0, 15_000));
  void sql;
  return [
    ...Object.entries(bodies).map(([what, field]): Attack => ({ name: `ACS: ${what} (SA-10)`, status: [400, 403, 413, 503], run: () => post(acs, field()) })),
    { name: 'ACS: 10,000 fields', status: [400, 413], run: () => send(acs, { method: 'POST', headers: { 'content-type': form }, body: fill('a=1&', 500_000) }) },
    { name: 'ACS: 512 KiB of percent signs', status: [400, 403, 413], run: () => send(acs, { method: 'POST', headers: { 'content-type': form }, body: `SAMLResponse=${fill('%41', 520_000)}` }) },
    { name: 'ACS: brackets', status: [400, 403, 413], run: () => send(acs, { method: 'POST', headers: { 'content-type': form }, body: fill('a[]=1&', 500_000) }) },
    { name: 'SLO: 1 MiB inflated', status: [400], run: () => send(`${slo}?SAMLRequest=${bomb(1_000_000)}`) },
    { name: 'SLO: 10 MiB inflated', status: [400], run: () => send(`${slo}?SAMLRequest=${bomb(10_000_000)}`) },
    { name: 'SLO: posted 256 KiB', status: [400], run: () => send(slo, { method: 'POST', headers: { 'content-type': form }, body: new URLSearchParams({ SAMLRequest: encodePost(`<a>${'<b/>'.repeat(19_000)}</a>`) }) }) },
    { name: 'SLO: 10,000 parameters', status: [400], run: () => send(`${slo}?${fill('SAMLRequest=1&', 15_000)}`) },
  ];
}

function restAttacks(stage: LoadStage): Attack[] {
  const { send, process: { apiKey } } = stage;
  const organization = `/api/v1/organizations/${org_id}`;
  const ask = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
    send(path, { method, headers: { authorization: `Bearer ${apiKey}`, ...(body === undefined ? {} : { 'content-type': json }), ...headers }, ...(body === undefined ? {} : { body }) });
  const fine = [200, 201, 400, 404, 409, 413, 422];
  const values = largeValues();
  return [
    { name: 'REST: 1 MiB from a stranger', status: [401, 413], run: () => send('/api/v1/organizations', { method: 'POST', headers: { 'content-type': json }, body: values['half a million numbers'] ?? '' }) },
    ...Object.entries(values).flatMap(([what, value]): Attack[] => [
      { name: `REST: organization, open object: ${what}`, status: fine, run: () => ask('PATCH', organization, `{"org_metadata":{"a":${value}}}`) },
      { name: `REST: organization, name: ${what}`, status: fine, run: () => ask('POST', '/api/v1/organizations', `{"org_name":${value}}`) },
      { name: `REST: user, e-mail: ${what}`, status: fine, run: () => ask('POST', `${organization}/users`, `{"email":${value}}`) },
      { name: `REST: user, properties: ${what}`, status: fine, run: () => ask('POST', `${organization}/users`, `{"email":"x${randomUUID()}@large.example","properties":{"a":${value}}}`) },
      { name: `REST: password: ${what}`, status: fine, run: () => ask('POST', `${organization}/users`, `{"email":"x@large.example","password":${value}}`) },
      { name: `REST: domain: ${what}`, status: fine, run: () => ask('POST', `${organization}/domains`, `{"domain":${value}}`) },
      { name: `REST: application, redirect_uris: ${what}`, status: fine, run: () => ask('POST', '/api/v1/applications', `{"client_name":"x","redirect_uris":[${value}]}`) },
      { name: `REST: application, jwks: ${what}`, status: fine, run: () => ask('POST', '/api/v1/applications', `{"client_name":"x","redirect_uris":["https://a.example/"],"jwks":{"keys":[{"kty":${value}}]}}`) },
      { name: `REST: role, name: ${what}`, status: fine, run: () => ask('POST', `${organization}/roles`, `{"role_name":${value}}`) },
      { name: `REST: group, name: ${what}`, status: fine, run: () => ask('POST', `${organization}/groups`, `{"name":${value}}`) },
      { name: `REST: group members: ${what}`, status: fine, run: () => ask('POST', `${organization}/groups/${stage.population.small_group}/members`, `{"user_ids":${value}}`) },
      { name: `REST: mapping: ${what}`, status: fine, run: () => ask('PUT', `${organization}/scim-clients/${stage.scim_client_id}/mappings`, `{"mappings":[{"local_attribute":${value},"scim_attribute":${value.length < 500_000 ? value : '"x"'}}]}`) },
      { name: `REST: mapping preview: ${what}`, status: fine, run: () => ask('POST', `${organization}/scim-clients/${stage.scim_client_id}/mappings/preview`, `{"payload":{"userName":"x","emails":${value}}}`) },
      { name: `REST: metadata_xml: ${what}`, status: fine, run: () => ask('POST', `${organization}/identity-providers`, `{"type":"saml","name":"x","config":{"metadata_xml":${value}}}`) },
      { name: `REST: certificates: ${what}`, status: fine, run: () => ask('POST', `${organization}/identity-providers`, `{"type":"saml","name":"x","config":{"idp_entity_id":"x","sso_url":"https://a.example/","certificates":[${value}]}}`) },
      { name: `REST: no object: ${what}`, status: fine, run: () => ask('POST', '/api/v1/organizations', value) },
    ]),
    { name: 'REST: with Idempotency-Key, 1 MiB', status: fine, run: () => ask('POST', '/api/v1/organizations', `{"org_name":"x","slug":"s${randomUUID()}","org_metadata":{"a":${values['one long text']}}}`, { 'idempotency-key': randomUUID() }) },
    { name: 'REST: certificates, a PEM of 1 MiB', status: fine, run: () => ask('POST', `${organization}/identity-providers`, JSON.stringify({ type: 'saml', name: 'x', config: { idp_entity_id: 'x', sso_url: 'https://a.example/', certificates: [`-----BEGIN CERTIFICATE-----\n${fill('AAAA\n', 1_000_000)}-----END CERTIFICATE-----`] } })) },
    { name: 'REST: metadata of 1.9 MB, 19,900 elements', status: fine, run: () => ask('POST', `${organization}/identity-providers`, JSON.stringify({ type: 'saml', name: 'x', config: { metadata_xml: `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x">${`<a b="${'x'.repeat(80)}"/>`.repeat(19_900)}</EntityDescriptor>` } })) },
    { name: 'REST: metadata of 4 MB', status: fine, run: () => ask('POST', `${organization}/identity-providers`, JSON.stringify({ type: 'saml', name: 'x', config: { metadata_xml: fill('<a/>', 4_000_000) } })) },
    { name: 'REST: metadata of 4 MiB escaped', status: fine, run: () => ask('POST', `${organization}/identity-providers`, `{"type":"saml","name":"x","config":{"metadata_xml":"${fill('\\u0061', 4_100_000)}"}}`) },
    { name: 'REST: mappings 200', status: fine, run: () => ask('POST', `${organization}/scim-clients/${stage.scim_client_id}/mappings/preview`, JSON.stringify({ payload: { userName: 'x' }, mappings: Array.from({ length: 200 }, (_, i) => ({ local_attribute: `properties.p${i}`, scim_attribute: `urn:x:y:z${i}:User:a${i}` })) })) },
    { name: 'REST: list users, 200', status: [200], run: () => ask('GET', `${organization}/users?limit=200`) },
    { name: 'REST: list audit logs, 200', status: [200], run: () => ask('GET', `${organization}/audit-logs?limit=200`) },
    { name: 'REST: list SCIM requests, 200', status: [200], run: () => ask('GET', `${organization}/scim-requests?limit=200`) },
    { name: 'REST: group members, 200 of 50,000', status: [200], run: () => ask('GET', `${organization}/groups/${stage.population.large_group}/members?limit=200`) },
    { name: 'REST: list organizations, 200', status: [200], run: () => ask('GET', `/api/v1/organizations?limit=200`) },
  ];
}

async function scimAttacks(stage: LoadStage): Promise<Attack[]> {
  const { send, population } = stage;
  const ids = (await stage.sql('select user_id from users where home_org_id = ? order by user_id limit 21000', [org_id])).map(({ user_id }) => String(user_id));
  const ask = (method: string, path: string, body?: string) =>
    send(`/scim/v2${path}`, { method, headers: { authorization: `Bearer ${stage.scim}`, ...(body === undefined ? {} : { 'content-type': scimJson }) }, ...(body === undefined ? {} : { body }) });
  const made = async (path: string, body: object): Promise<string> => (JSON.parse((await ask('POST', path, JSON.stringify(body))).text) as { id: string }).id;
  const user = await made('/Users', { schemas: [USER], userName: `target-${randomUUID()}@large.example`, emails: Array.from({ length: 400 }, (_, i) => ({ value: `e${i}@large.example`, type: `t${i}` })) });
  const group = await made('/Groups', { schemas: [GROUP], displayName: `Target ${randomUUID()}` });
  const filter = (text: string) => `?filter=${encodeURIComponent(text)}`;
  const patch = (...operations: unknown[]) => JSON.stringify({ schemas: [PATCH], Operations: operations });
  const bulk = (operations: unknown[], more: object = {}) => JSON.stringify({ schemas: [BULK], ...more, Operations: operations });
  const fine = [200, 201, 204, 400, 404, 409, 413];
  const values = largeValues();
  const members = (count: number) => ids.slice(0, count).map((value) => ({ value }));
  const terms = Array.from({ length: 60 }, (_, i) => `userName co "${i}"`);
  const filters: Record<string, string> = {
    '60 terms with or': terms.join(' or '),
    '60 terms with and': terms.join(' and '),
    'e-mail paths': Array.from({ length: 25 }, (_, i) => `emails[type eq "w${i}" and value co "${i}"]`).join(' or '),
    'negations': `${'not ('.repeat(9)}userName pr${')'.repeat(9)}`,
    'parentheses without end': '('.repeat(4000),
    'one long string': `userName eq "${'a'.repeat(1900)}"`,
    'backslashes': `userName eq "${'\\\\'.repeat(900)}`,
    'like signs': `userName co "${'%_'.repeat(400)}"`,
    'a long name': 'a'.repeat(2000),
    'a long urn': `urn:${'a:'.repeat(900)} pr`,
    'a long number': `meta.created gt ${'9'.repeat(1500)}`,
    'members': Array.from({ length: 30 }, (_, i) => `members eq "${ids[i]}"`).join(' or '),
  };
  const failing = (count: number, data: (i: number) => unknown) =>
    Array.from({ length: count }, (_, i) => ({ method: 'POST', path: '/Nothing', bulkId: `b${i}`, data: data(i) }));
  return [
    ...Object.entries(filters).flatMap(([what, text]): Attack[] => [
      { name: `SCIM: users by filter: ${what}`, status: fine, run: () => ask('GET', `/Users${filter(text)}&count=1`) },
      { name: `SCIM: groups by filter: ${what}`, status: fine, run: () => ask('GET', `/Groups${filter(text)}&count=1&excludedAttributes=members`) },
    ]),
    { name: 'SCIM: 200 users, everything', status: [200], run: () => ask('GET', '/Users?count=1000') },
    { name: 'SCIM: 200 users, the last', status: [200], run: () => ask('GET', '/Users?count=200&startIndex=99000') },
    { name: 'SCIM: 200 users sorted', status: [200, 400], run: () => ask('GET', '/Users?count=200&sortBy=name.familyName') },
    { name: 'SCIM: attributes list of 14 KB', status: [200], run: () => ask('GET', `/Users?count=200&attributes=${fill('name.givenName,', 14_000)}`) },
    { name: 'SCIM: excludedAttributes of 14 KB', status: [200], run: () => ask('GET', `/Users?count=200&excludedAttributes=${fill('a,', 14_000)}`) },
    { name: 'SCIM: search of 1 MiB of attributes', status: fine, run: () => ask('POST', '/Users/.search', `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"count":1,"attributes":[${fill('"a",', 1_000_000)}"b"]}`) },
    { name: 'SCIM: a group of 50,000', status: [200], run: () => ask('GET', `/Groups/${population.large_group}`) },
    { name: 'SCIM: a group of 50,000 with attributes=members.value', status: [200], run: () => ask('GET', `/Groups/${population.large_group}?attributes=members.value`) },
    { name: 'SCIM: all groups', status: [200], run: () => ask('GET', '/Groups?count=200') },
    { name: 'SCIM: rename a group of 50,000', status: fine, run: () => ask('PATCH', `/Groups/${population.large_group}`, patch({ op: 'replace', path: 'displayName', value: `Everybody ${randomUUID()}` })) },
    { name: 'SCIM: a group of 50,000, a part of its members filtered', status: fine, run: () => ask('PATCH', `/Groups/${population.large_group}`, patch({ op: 'remove', path: 'members[display eq "x"]' })) },
    { name: 'SCIM: a group of 50,000, one by a complex path', status: fine, run: () => ask('PATCH', `/Groups/${population.large_group}`, patch({ op: 'remove', path: `members[value eq "${ids[0]}" and type eq "User"]` })) },
    { name: 'SCIM: PUT with 20,000 members', status: fine, run: () => ask('PUT', `/Groups/${group}`, JSON.stringify({ schemas: [GROUP], displayName: 'Target', members: members(20_000) })) },
    { name: 'SCIM: PUT with 10 members after 20,000', status: fine, run: () => ask('PUT', `/Groups/${group}`, JSON.stringify({ schemas: [GROUP], displayName: 'Target', members: members(10) })) },
    { name: 'SCIM: PATCH adds 20,000 members', status: fine, run: () => ask('PATCH', `/Groups/${group}`, patch({ op: 'add', path: 'members', value: members(20_000) })) },
    { name: 'SCIM: PATCH replaces 20,000 members', status: fine, run: () => ask('PATCH', `/Groups/${group}`, patch({ op: 'replace', path: 'members', value: members(20_000) })) },
    { name: 'SCIM: PATCH removes 20,000 members', status: fine, run: () => ask('PATCH', `/Groups/${group}`, patch({ op: 'remove', path: 'members', value: members(20_000) })) },
    { name: 'SCIM: PATCH adds 19,999 members and a stranger', status: [400], run: () => ask('PATCH', `/Groups/${group}`, patch({ op: 'add', path: 'members', value: [...members(19_999), { value: randomUUID() }] })) },
    { name: 'SCIM: PATCH adds 20,000 strangers', status: [400], run: () => ask('PATCH', `/Groups/${group}`, patch({ op: 'add', path: 'members', value: Array.from({ length: 20_000 }, () => ({ value: randomUUID() })) })) },
    { name: 'SCIM: POST a group with 20,000 members', status: fine, run: () => ask('POST', '/Groups', JSON.stringify({ schemas: [GROUP], displayName: `New ${randomUUID()}`, members: members(20_000) })) },
    { name: 'SCIM: POST a group with 1 MiB of wrong members', status: fine, run: () => ask('POST', '/Groups', `{"schemas":["${GROUP}"],"displayName":"x","members":[${fill('{},', 1_040_000)}{}]}`) },
    { name: 'SCIM: PATCH user, 1,000 value paths over 400 e-mails', status: fine, run: () => ask('PATCH', `/Users/${user}`, patch(...Array.from({ length: 1000 }, (_, i) => ({ op: 'replace', path: `emails[type eq "t${i % 400}" and value co "e"].value`, value: `n${i}@large.example` })))) },
    { name: 'SCIM: PATCH user, 1,000 additions of e-mails', status: fine, run: () => ask('PATCH', `/Users/${user}`, patch(...Array.from({ length: 1000 }, (_, i) => ({ op: 'add', path: 'emails', value: [{ value: `a${i}@large.example`, type: `t${i}` }] })))) },
    { name: 'SCIM: PATCH user, 1,000 paths of 2 KB', status: fine, run: () => ask('PATCH', `/Users/${user}`, patch(...Array.from({ length: 500 }, () => ({ op: 'replace', path: `emails[${Array.from({ length: 50 }, (_, i) => `value eq "${i}@large.example"`).join(' or ')}].value`, value: 'a@large.example' })))) },
    { name: 'SCIM: PATCH user, 20,000 e-mails', status: fine, run: () => ask('PATCH', `/Users/${user}`, patch({ op: 'add', path: 'emails', value: Array.from({ length: 15_000 }, (_, i) => ({ value: `m${i}@large.example`, type: `t${i}` })) })) },
    { name: 'SCIM: PATCH user, an object of 10,000 names', status: fine, run: () => ask('PATCH', `/Users/${user}`, patch({ op: 'replace', value: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`name${i}.givenName`, 'x'])) })) },
    { name: 'SCIM: PATCH user, extension of 20,000 names', status: fine, run: () => ask('PATCH', `/Users/${user}`, patch({ op: 'add', value: Object.fromEntries(Array.from({ length: 15_000 }, (_, i) => [`urn:x:${i}:User:a`, 'x'])) })) },
    ...Object.entries(values).flatMap(([what, value]): Attack[] => [
      { name: `SCIM: POST user, extension: ${what}`, status: fine, run: () => ask('POST', '/Users', `{"schemas":["${USER}"],"userName":"v${randomUUID()}@large.example","urn:x:y:User":{"a":${value}}}`) },
      { name: `SCIM: POST user, emails: ${what}`, status: fine, run: () => ask('POST', '/Users', `{"schemas":["${USER}"],"userName":"v${randomUUID()}@large.example","emails":${value}}`) },
      { name: `SCIM: POST user, userName: ${what}`, status: fine, run: () => ask('POST', '/Users', `{"schemas":["${USER}"],"userName":${value}}`) },
      { name: `SCIM: POST user, schemas: ${what}`, status: fine, run: () => ask('POST', '/Users', `{"schemas":${value},"userName":"x"}`) },
      { name: `SCIM: PATCH Operations: ${what}`, status: fine, run: () => ask('PATCH', `/Users/${user}`, `{"schemas":["${PATCH}"],"Operations":${value}}`) },
      { name: `SCIM: PATCH value: ${what}`, status: fine, run: () => ask('PATCH', `/Users/${user}`, `{"schemas":["${PATCH}"],"Operations":[{"op":"replace","path":"nickName","value":${value}}]}`) },
      { name: `SCIM: Bulk Operations: ${what}`, status: fine, run: () => ask('POST', '/Bulk', `{"schemas":["${BULK}"],"Operations":${value}}`) },
      { name: `SCIM: Bulk data: ${what}`, status: fine, run: () => ask('POST', '/Bulk', `{"schemas":["${BULK}"],"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"x","emails":${value}}}]}`) },
    ]),
    { name: 'SCIM: Bulk, 1,000 creations', status: fine, run: () => ask('POST', '/Bulk', bulk(Array.from({ length: 1000 }, (_, i) => ({ method: 'POST', path: '/Users', bulkId: `b${i}`, data: { schemas: [USER], userName: `bulk${i}-${randomUUID()}@large.example` } })))) },
    { name: 'SCIM: Bulk, 1,000 that fail at once', status: fine, run: () => ask('POST', '/Bulk', bulk(failing(1000, () => ({ userName: 'x' })))) },
    { name: 'SCIM: Bulk, 1,000 that fail, in a chain backwards', status: fine, run: () => ask('POST', '/Bulk', bulk(failing(1000, (i) => ({ a: `bulkId:b${i + 1}`, pad: Array.from({ length: 20 }, () => 'bulkId:zz') })))) },
    { name: 'SCIM: Bulk, 1,000 in a circle', status: fine, run: () => ask('POST', '/Bulk', bulk(failing(1000, (i) => ({ manager: `bulkId:b${(i + 1) % 1000}`, pad: 'x'.repeat(600) })))) },
    { name: 'SCIM: Bulk, one with 60,000 references', status: fine, run: () => ask('POST', '/Bulk', bulk([{ method: 'POST', path: '/Users', bulkId: 'a', data: { userName: 'x', emails: Array.from({ length: 60_000 }, () => 'bulkId:a') } }])) },
    { name: 'SCIM: Bulk, 1,000 of 900 bytes with bad data', status: fine, run: () => ask('POST', '/Bulk', bulk(Array.from({ length: 1000 }, (_, i) => ({ method: 'POST', path: '/Users', bulkId: `b${i}`, data: { schemas: [USER], emails: 'x'.repeat(800) } })))) },
  ];
}
