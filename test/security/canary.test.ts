/**
 * Canaries: secrets of every kind that can be told again are looked for in tables, a dump, the log and every answer (checklist SD).
 * Over 300 lines because one life of the product leaves all of them.
 */
import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { loadSigningKeys, resealSigningKeys, rotateSigningKeys } from '../../src/applications/keys/service.ts';
import { newId } from '../../src/core/id.ts';
import { hashSecret } from '../../src/core/secret.ts';
import { changeOwnPassword, preparePassword, setPassword } from '../../src/credentials/passwords/service.ts';
import { resealSamlKeys, rotateSamlKeys, samlKeys } from '../../src/federation/keys/service.ts';
import { createLogoutRequest } from '../../src/federation/saml/logout-messages.ts';
import { drainRecorder } from '../../src/provisioning/recorder/service.ts';
import { createSetupLink } from '../../src/signin/setup/service.ts';
import { company, type Company, readRequest, response } from '../federation/company.ts';
import { makeDirectory } from '../provisioning/directories.ts';
import {
  authorizationUrl,
  Browser,
  makeApplication,
  post,
  redirectUri,
  refresh,
  type RelyingParty,
  type Tokens,
  userinfo,
  verifierOf,
} from '../oidc/rp.ts';
import { formsOf, Visitor } from '../signin/person.ts';
import { type World, world } from '../support/world.ts';
import { keys as idpKeys } from '../support/saml/keys.ts';
import { Canaries, crawl, dump, pgDump, shapesOf } from './canaries.ts';
import { pause } from '../support/waiting.ts';

/** A browser whose cookies are secrets. */
class WatchedBrowser extends Browser {
  readonly #canaries: Canaries;
  constructor(w: World, canaries: Canaries) {
    super(w);
    this.#canaries = canaries;
  }
  override async go(address: string, init: RequestInit = {}) {
    const answer = await super.go(address, init);
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value.length >= 16) this.#canaries.add(`cookie ${name}`, value);
    }
    for (const { fields } of formsOf(answer.text)) {
      for (const name of ['csrf', 'xsrf']) if (fields[name]) this.#canaries.add(`form ${name}`, fields[name]);
    }
    return answer;
  }
}

/** Keeps what goes to the console, beside writing it. @returns ends it */
function listen(kept: string[]): () => void {
  const ends = [process.stdout, process.stderr].map((stream) => {
    const write = stream.write;
    stream.write = ((...given: Parameters<typeof write>) => {
      kept.push(String(given[0]));
      return write.apply(stream, given);
    }) as typeof write;
    return () => {
      stream.write = write;
    };
  });
  return () => {
    for (const end of ends) end();
  };
}

const mark = (kind: string): string => `canary ${kind} ${randomBytes(12).toString('hex')}`;

describe('security: canaries', function () {
  this.timeout(120_000);
  let w: World;
  const canaries = new Canaries();
  let key = '';
  let acme: Company;
  let mill = '';
  let scimClient = '';
  before(async () => {
    const bare = await world({ environment: { LINTEL_BOOTSTRAP_API_KEY: '', LINTEL_LOG_LEVEL: 'trace' } });
    w = Object.assign(Object.create(bare) as World, {
      api: (method: string, path: string, body?: unknown, bearer: string | null = key, headers = {}) =>
        bare.api(method, path, body, bearer, headers),
    });
    const quiet = listen(printed);
    await everyFlow().finally(quiet);
  });
  after(() => w.close());
  /** What was written beside the log: by a library, or by somebody who looked for something and forgot it. */
  const printed: string[] = [];

  const visitor = () => new Visitor(w, new WatchedBrowser(w, canaries));

  async function everyFlow(): Promise<void> {
    await setUp();
    const org = await organizationWithSecrets();
    await directoryWithSecrets(org);
    await applications(org);
    await companySignin();
    await passwords(org);
    await keysAndReturns();
    await mistakes(org);
    for (const { jwk } of await loadSigningKeys(w.app)) canaries.add('signing key', (jwk as { d?: string }).d);
    const { current, encryption, decryption } = await samlKeys(w.app);
    const pems = [current, ...encryption].map((pair) => (pair as unknown as { privateKey: string }).privateKey);
    for (const pem of [...pems, ...decryption].filter((text) => typeof text === 'string')) {
      canaries.add('SAML key', tailOf(pem));
    }
    canaries.add('sealing key', w.config.key);
    for (const purpose of ['cookies', 'forms'])
      for (const derived of w.app.sealer.derive(purpose)) canaries.add(`derived key for ${purpose}`, derived);
    await drainRecorder(w.app);
  }

  async function setUp(): Promise<void> {
    const address = (await createSetupLink(w.app)) as string;
    canaries.add('setup link', address.split('/').at(-1));
    const first = await visitor().open(address);
    await first.fill({ email: 'oda@keel.example', name: 'Oda Keel', password: 'short' });
    await first.fill({
      email: 'oda@keel.example',
      name: 'Oda Keel',
      password: canaries.add('password', mark('password')),
    });
    key = canaries.add('first API key', /ltl_key_[\w-]{43}/.exec(first.page.text)?.[0]);
  }

  async function organizationWithSecrets(): Promise<string> {
    const { org_id } = (await w.api('POST', '/organizations', { org_name: 'Canary Mill' })).body as { org_id: string };
    await w.api('POST', '/service-accounts', { name: 'night watch', permissions: ['users.read'] });
    const account = await w.api('POST', `/organizations/${org_id}/service-accounts`, {
      name: 'robot',
      permissions: ['users.read'],
    });
    const wanted = { name: 'k', scopes: ['users.read'], service_account_id: account.body.service_account_id };
    const path = `/organizations/${org_id}/api-keys`;
    for (let again = 0; again < 2; again += 1) {
      const made = await w.api('POST', path, wanted, key, { 'idempotency-key': 'canary-1' });
      canaries.add('API key', made.body.key as string);
    }
    const user = await w.api('POST', `/organizations/${org_id}/users`, {
      email: 'mira@mill.example',
      password: canaries.add('password given over REST', mark('rest')),
    });
    expect(user.status, user.text).to.equal(201);
    return org_id;
  }

  async function directoryWithSecrets(org_id: string): Promise<void> {
    const directory = await makeDirectory(w, org_id);
    [mill, scimClient] = [org_id, directory.client_id];
    canaries.add('SCIM token', directory.token);
    canaries.add('SCIM client secret', directory.client_secret);
    const rotated = await w.api('POST', `${directory.place}/secret`, {});
    canaries.add('SCIM client secret', rotated.body.client_secret as string);
    const granted = await post(
      w,
      '/oauth/token',
      { client_id: directory.client_id, client_secret: rotated.body.client_secret as string },
      { grant_type: 'client_credentials' },
    );
    const scimAccess = canaries.add('SCIM access token', granted.body.access_token);
    const scim = (method: string, path: string, body?: object, bearer = directory.token) =>
      w.request(`/scim/v2${path}`, {
        method,
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/scim+json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
    const password = canaries.add('SCIM password', mark('scim'));
    const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
    const made = await scim('POST', '/Users', { schemas, userName: 'jon@mill.example', password });
    const id = (made.body as { id?: string }).id ?? '';
    for (const Operations of [
      [{ op: 'replace', path: 'password', value: canaries.add('SCIM password in a patch', mark('patch')) }],
      [{ op: 'replace', value: { password: canaries.add('SCIM password in a patch without path', mark('pathless')) } }],
    ]) {
      const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
      await scim('PATCH', `/Users/${id}`, { schemas: [patchSchema], Operations }, scimAccess);
    }
    await scim('PUT', `/Users/${id}`, {
      schemas,
      userName: 'jon@mill.example',
      Password: canaries.add('SCIM password in capitals', mark('upper')),
    });
    await scim('POST', '/Bulk', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: [
        {
          method: 'POST',
          path: '/Users',
          bulkId: 'a',
          data: {
            schemas,
            userName: 'lea@mill.example',
            password: canaries.add('SCIM password in bulk', mark('bulk')),
          },
        },
      ],
    });
    const filtered = canaries.add('password in a SCIM filter', randomBytes(16).toString('hex'));
    await scim('GET', `/Users?filter=${encodeURIComponent(`password eq "${filtered}"`)}`);
    await scim(
      'GET',
      `/Users/${canaries.add('token in a SCIM path', `ltl_scim_${randomBytes(32).toString('base64url')}`)}`,
    );
    await scim(
      'GET',
      '/Users',
      undefined,
      canaries.add('unknown SCIM token', `ltl_scim_${randomBytes(32).toString('base64url')}`),
    );
  }

  async function applications(org_id: string): Promise<void> {
    const client = await makeApplication(w, {
      first_party: false,
      post_logout_redirect_uris: ['https://app.example/bye'],
    });
    canaries.add('client secret', client.client_secret);
    const scope = 'openid email profile offline_access';
    const first = await signedIn(client, { scope });
    const rotated = await refresh(w, client, first.tokens.refresh_token as string);
    keep(rotated.body);
    await refresh(w, client, first.tokens.refresh_token as string);
    await userinfo(w, first.tokens.access_token as string);
    await post(w, '/oauth/introspect', client, { token: rotated.body.access_token as string });
    await post(w, '/oauth/revoke', client, { token: rotated.body.access_token as string });
    const later = (await w.api('POST', `/applications/${client.client_id}/secret`, {})).body as {
      client_secret: string;
    };
    canaries.add('client secret', later.client_secret);
    // A change of an application is felt within a second.
    await pause(800);
    const now = { ...client, client_secret: later.client_secret };
    const pushed = await post(
      w,
      '/oauth/par',
      now,
      Object.fromEntries(new URL(authorizationUrl(client), w.url).searchParams),
    );
    canaries.add('pushed request', (pushed.body.request_uri as string).split(':').at(-1));
    const again = await visitor().open(
      `/oauth/authorize?${new URLSearchParams({ client_id: client.client_id, request_uri: pushed.body.request_uri as string })}`,
    );
    await again.fill({ identifier: 'oda@keel.example' });
    await again.fill({ password: canaries.add('wrong password', mark('wrong')) });
    await first.visitor.open(
      `/oauth/logout?${new URLSearchParams({ id_token_hint: first.tokens.id_token as string, post_logout_redirect_uri: 'https://app.example/bye' })}`,
    );
    await first.visitor.fill({ logout: 'yes' });
    await signedWithKey(org_id);
  }

  /** private_key_jwt and client_credentials for our own API. */
  async function signedWithKey(org_id: string): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const privateJwk = await exportJWK(privateKey);
    canaries.add('private key of an application', privateJwk.d);
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }] };
    const registration = {
      client_name: 'Machine',
      org_id,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      token_endpoint_auth_method: 'private_key_jwt',
      scope: 'users.read',
    };
    await w.api('POST', '/applications', { ...registration, jwks: { keys: [{ ...privateJwk, kid: 'k' }] } });
    const machine = await w.api('POST', '/applications', { ...registration, jwks });
    expect(machine.status, machine.text).to.equal(201);
    const client_id = machine.body.client_id as string;
    for (const audience of [w.url, 'https://elsewhere.example']) {
      const client_assertion = canaries.add(
        'client assertion',
        await new SignJWT({ jti: randomBytes(16).toString('hex') })
          .setProtectedHeader({ alg: 'ES256', kid: 'k' })
          .setIssuer(client_id)
          .setSubject(client_id)
          .setAudience(audience)
          .setIssuedAt()
          .setExpirationTime('2m')
          .sign(privateKey),
      );
      const answer = await post(
        w,
        '/oauth/token',
        { client_id },
        {
          grant_type: 'client_credentials',
          resource: `${w.url}/api/v1`,
          scope: 'users.read',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion,
        },
      );
      if (answer.status === 200) keep(answer.body);
    }
  }

  function keep(tokens: Tokens): void {
    for (const kind of ['access_token', 'refresh_token', 'id_token'] as const)
      if (tokens[kind]) canaries.add(kind.replace('_', ' '), tokens[kind]);
  }

  async function signedIn(
    client: RelyingParty,
    options: { scope: string },
  ): Promise<{ tokens: Tokens; visitor: Visitor }> {
    const address = authorizationUrl(client, options);
    const person = await visitor().open(address);
    canaries.add('uid of an interaction', person.uid);
    await person.fill({ identifier: 'oda@keel.example' });
    await person.fill({ password: passwordOf('password') });
    while (person.callback === null && /Allow|consent/i.test(person.page.text))
      await person.fill({ decision: 'allow' });
    const code = canaries.add('code', person.callback?.searchParams.get('code'));
    const code_verifier = canaries.add('PKCE verifier', verifierOf(address));
    const given = { grant_type: 'authorization_code', code, code_verifier, redirect_uri: redirectUri };
    const { body } = await post(w, '/oauth/token', client, given);
    keep(body);
    await post(w, '/oauth/token', client, given);
    const kept = await signedInAgain(client, options, person);
    return { tokens: kept, visitor: person };
  }

  /** The code was used twice, which ended what it gave: once more in the same browser, without a page. */
  async function signedInAgain(client: RelyingParty, options: { scope: string }, person: Visitor): Promise<Tokens> {
    const address = authorizationUrl(client, options);
    await person.open(address);
    while (person.callback === null && /Allow|consent/i.test(person.page.text))
      await person.fill({ decision: 'allow' });
    const code = canaries.add('code', person.callback?.searchParams.get('code'));
    const given = {
      grant_type: 'authorization_code',
      code,
      code_verifier: verifierOf(address),
      redirect_uri: redirectUri,
    };
    const { body } = await post(w, '/oauth/token', client, given);
    expect(body.refresh_token, JSON.stringify(body)).to.be.a('string');
    keep(body);
    return body;
  }

  const passwordOf = (kind: string): string => [...canaries.of(kind)][0] as string;

  async function companySignin(): Promise<void> {
    acme = await company(w, { auto_provision: true });
    const client = await makeApplication(w);
    for (const wrong of [{}, { audience: 'https://elsewhere.example' }]) {
      const person = await visitor().begin(client);
      await person.fill({ identifier: `ida@${acme.domain}` });
      const href =
        /href="(https:\/\/idp\.example\/sso[^"]*)"/.exec(person.page.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
      const { request_id, relay_state } = readRequest(href);
      canaries.add('RelayState', relay_state);
      const subject = canaries.add('NameID', `nameid-${randomBytes(12).toString('hex')}`);
      const field = response(
        w,
        acme,
        { request_id },
        { subject, email: `ida@${acme.domain}`, more: { badge: [canaries.add('SAML attribute', mark('badge'))] } },
        wrong,
      );
      canaries.add('SAML response', field);
      const answer = await person.post(
        new URL(acme.provider.sp.acs_url).pathname,
        { SAMLResponse: field, RelayState: relay_state },
        { origin: 'https://idp.example', 'sec-fetch-site': 'cross-site' },
      );
      const code = answer.location === null ? null : new URL(answer.location, w.url).searchParams.get('code');
      if (code) canaries.add('hand-off code', code);
      await person.follow(answer);
    }
  }

  /** A password that was lent and replaced at the sign-in, one that its person changed, and accounts that end with what they hold. */
  async function passwords(org_id: string): Promise<void> {
    const { body } = await w.api<{ user_id: string }>('POST', '/users', {
      email: 'lent@keel.example',
      email_confirmed: true,
    });
    const lent = canaries.add('lent password', mark('lent'));
    await setPassword(w.call(), body.user_id, await preparePassword(lent), { must_change: true });
    const person = await visitor().begin(await makeApplication(w));
    await person.fill({ identifier: 'lent@keel.example' });
    await person.fill({ password: lent });
    expect(person.heading).to.equal('Choose a new password');
    const chosen = canaries.add('chosen password', mark('chosen'));
    await person.fill({ password: canaries.add('refused password', 'aaaaaaaaaaaaaaaaaaaa') });
    await person.fill({ password: chosen });
    expect(person.callback, person.problem ?? '').not.to.equal(null);
    const own = { type: 'user', id: body.user_id, label: 'x', reach: null, permissions: new Set<string>() } as const;
    const next = canaries.add('changed password', mark('changed'));
    await changeOwnPassword(w.call(own), { current: chosen, next });
    await changeOwnPassword(w.call(own), { current: chosen, next }).catch((error: { code: string }) => {
      expect(error.code).to.equal('password_wrong');
    });
    // Who ends takes keys, sessions, tokens and invitations along; each says so in the audit log and in mails.
    await w.db('invitations').insert({
      invitation_id: newId(),
      org_id,
      email: 'guest@keel.example',
      token_hash: hashSecret(canaries.add('invitation', randomBytes(32).toString('base64url'))),
      invited_by: body.user_id,
      expires_at: new Date(Date.now() + 3_600_000),
    });
    await w.api('PATCH', `/users/${body.user_id}`, { enabled: false });
    expect(await w.db('invitations').where({ invited_by: body.user_id }).whereNull('revoked_at')).to.deep.equal([]);
    expect((await w.db('mails')).length, 'mails').to.be.greaterThan(0);
  }

  /** Signing keys that follow one another, for tokens and for SAML; a sign-out that the company began; a token of our own API. */
  async function keysAndReturns(): Promise<void> {
    for (const { jwk } of await loadSigningKeys(w.app)) canaries.add('signing key', (jwk as { d?: string }).d);
    for (const pair of [(await samlKeys(w.app)).current])
      canaries.add('SAML key', tailOf((pair as unknown as { privateKey: string }).privateKey));
    await rotateSigningKeys(w.app, true);
    await rotateSamlKeys(w.app);
    await resealSigningKeys(w.app);
    await resealSamlKeys(w.app);
    const sent = createLogoutRequest({
      serviceProvider: {
        entityId: acme.idp,
        acsUrl: 'https://idp.example/acs',
        sloUrl: 'https://idp.example/slo',
        current: { privateKey: idpKeys.idp().privateKey, certificate: idpKeys.idp().certificate },
      },
      idpEntityId: acme.provider.sp.entity_id,
      endpoint: { binding: 'redirect', location: acme.provider.sp.slo_url },
      now: w.app.clock().getTime(),
      nameId: {
        name_id: canaries.of('NameID')[0] ?? '',
        name_id_format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
        name_qualifier: null,
        sp_name_qualifier: null,
      },
      sessionIndex: null,
      relayState: canaries.add('RelayState of a logout', randomBytes(24).toString('base64url')),
    });
    const { pathname, search } = new URL(sent.url);
    expect((await w.request(pathname + search, { headers: { accept: 'text/html' } })).status).to.equal(303);
    const answered = await w.request(
      `${pathname}?SAMLRequest=${canaries.add('SAML request that is none', randomBytes(24).toString('base64url'))}`,
    );
    expect(answered.status).to.equal(400);
  }

  /** A piece near the end, of what only the private half has: the modulus before it is in every certificate. */
  const tailOf = (pem: string): string => pem.replace(/-----[^-]+-----|\s/g, '').slice(-200, -100);

  /** Secrets where they do not belong: what people and programs really do wrong. */
  async function mistakes(org_id: string): Promise<void> {
    const stray = (kind: string) => canaries.add(kind, `ltl_key_${randomBytes(32).toString('base64url')}`);
    await w.api('GET', `/organizations/${org_id}/users?access_token=${stray('key in the query')}`);
    await w.api('GET', `/organizations/${stray('key in a path')}`);
    await w.request(`/${stray('key in a path that nobody has')}`);
    await w.request('/api/v1/organizations', { headers: { 'x-api-key': stray('key in another header') } });
    await w.request('/api/v1/organizations', { headers: { authorization: `Basic ${stray('key as Basic')}` } });
    await w.api('GET', '/organizations', undefined, stray('unknown key'));
    await w.api('POST', '/organizations', { org_name: 'x', [stray('key as a name')]: 1 });
    await w.api('POST', '/organizations', {
      org_name: 'Mistaken',
      password: stray('key in a field that is not there'),
    });
    await w.api('POST', '/organizations', `{"org_name": "x", "oops": "${stray('key in broken JSON')}`);
    await w.request(`/oauth/token?client_secret=${stray('secret in the address')}`, { method: 'POST' });
    await w.request(`/setup/${stray('setup link that is none').slice(8)}`);
    await w.request(`/oauth/authorize?client_id=${stray('secret as client_id')}`);
    const person = await visitor().begin(await makeApplication(w));
    // Typed into the wrong field.
    await person.fill({ identifier: canaries.add('password typed as name', mark('name')) });
    await person.fill({ password: 'x' });
    const other = await makeApplication(w);
    const again = await visitor().begin(other);
    await again.fill({ identifier: 'oda@keel.example' });
    await again.fill({ password: passwordOf('password') });
    // Left standing: a sign-in and a sign-out of somebody who is signed in.
    await again.begin(other, { prompt: 'login' });
    await again.open('/oauth/logout');
    await person.open(
      `/signin/${person.uid}/federated?code=${canaries.add('hand-off code that is none', randomBytes(32).toString('base64url'))}`,
    );
  }

  it('went through every flow', () => {
    expect(canaries.kinds).to.include.members([
      'API key',
      'NameID',
      'PKCE verifier',
      'RelayState of a logout',
      'changed password',
      'chosen password',
      'invitation',
      'lent password',
      'RelayState',
      'SAML key',
      'SAML response',
      'SCIM access token',
      'SCIM client secret',
      'SCIM password',
      'SCIM token',
      'access token',
      'client assertion',
      'client secret',
      'code',
      'cookie lintel_device',
      'cookie lintel_form',
      'cookie lintel_interaction',
      'cookie lintel_session',
      'first API key',
      'form csrf',
      'form xsrf',
      'hand-off code',
      'id token',
      'password',
      'pushed request',
      'refresh token',
      'setup link',
      'signing key',
    ]);
  });

  it('SD-01, SD-02, SD-03: no table has a secret in any form; those that are looked up are there as hashes', async () => {
    const tables = await dump(w);
    expect(tables.size).to.be.greaterThan(40);
    const leaks: string[] = [];
    for (const [table, text] of tables) {
      // What the identity provider calls somebody is how the account is found again; it opens nothing.
      const except = table === 'federated_identities' ? ['NameID'] : [];
      leaks.push(...canaries.in(text, ...except).map((leak) => `${table}: ${leak}`));
    }
    expect(leaks, leaks.join('\n')).to.deep.equal([]);
    const everything = [...tables.values()].join('\n');
    for (const kind of [
      'API key',
      'SCIM token',
      'SCIM client secret',
      'client secret',
      'access token',
      'refresh token',
      'setup link',
    ])
      expect(canaries.isHashedIn(everything, kind), kind).to.equal(true);
  });

  it('SD-01, SD-02: a backup by pg_dump has none of them either', async function () {
    const text = await pgDump(w);
    // The embedded database has no such program; what the tables hold is searched above.
    if (text === null) return this.skip();
    expect(text).to.include('INSERT INTO public.oidc_clients');
    const leaks = canaries.in(text, 'NameID');
    expect(leaks, leaks.join('\n')).to.deep.equal([]);
    expect(canaries.isHashedIn(text, 'API key')).to.equal(true);
    const [name = ''] = canaries.of('NameID');
    const lines = text.split('\n').filter((line) => line.includes(name));
    for (const line of lines) expect(line).to.match(/^INSERT INTO public\.federated_identities /);
  });

  it('SD-06: the log at its most talkative has none of them, and neither has what was printed beside it', () => {
    expect(w.logLines.length).to.be.greaterThan(80);
    for (const text of [w.logLines.join('\n'), printed.join('')]) {
      const leaks = [...new Set(canaries.in(text))];
      expect(leaks, leaks.join('\n')).to.deep.equal([]);
    }
  });

  it('SD-06: an error of the database is told without the values of its statement, in the log and to whoever asked', async () => {
    const before = w.logLines.length;
    const secret = canaries.add('value in a statement', mark('value'));
    // A column that is not there: the driver's error has the statement, and what was bound to it.
    const failing = w.db('users').where({ canary_column: 1, first_name: secret, email: secret }).select('user_id');
    const error = await failing.then(
      () => expect.fail('it should fail'),
      (reason: unknown) => reason,
    );
    // What is in the way, and a row that breaks a rule: PostgreSQL tells both with their values.
    const org_id = newId();
    await w.db('organizations').insert({ org_id, org_name: 'taken', slug: 'taken-by-a-canary' });
    const clash = { org_id, org_name: secret, slug: 'another-canary' };
    const breaking = { org_id: newId(), org_name: secret, slug: 'third-canary', primary_color: secret.slice(0, 7) };
    const errors = [error];
    for (const row of [clash, breaking]) {
      const reason = await w
        .db('organizations')
        .insert(row)
        .then(
          () => expect.fail('it should fail'),
          (given: { detail?: string }) => given,
        );
      expect(reason.detail, 'there is something to leave out').to.be.a('string').and.not.equal('');
      errors.push(reason);
    }
    canaries.add('id in the way', org_id);
    for (const err of errors) {
      w.app.log.error({ err: new Error('something failed', { cause: err }) }, 'failed');
      w.app.log.error({ err }, 'failed');
    }
    await w.db('organizations').where({ org_id }).del();
    await w.db.raw('alter table organizations rename column slug to canary_slug');
    try {
      const answer = await w.api('POST', '/organizations', { org_name: secret, org_metadata: { secret } });
      expect(answer.status).to.equal(500);
      expect(answer.text).not.to.include(secret);
    } finally {
      await w.db.raw('alter table organizations rename column canary_slug to slug');
    }
    await pause(50);
    const lines = w.logLines.slice(before).join('\n');
    expect(lines).to.include('canary_column').and.include('internal');
    expect(canaries.in(lines)).to.deep.equal([]);
  });

  it('AZ-04: no GET answer, audit row or recorded request has one', async () => {
    const known = { org_id: [acme.org_id, mill], client_id: [scimClient], method: ['password', 'saml'] };
    const { answers, unasked } = await crawl(w, key, known);
    expect(
      unasked.filter((id) => !/Unit|Group|Role|Permission|Grants|Parent/.test(id)),
      'not asked',
    ).to.deep.equal([]);
    const leaks: string[] = [];
    for (const [operation, texts] of answers) {
      const except = operation === 'listFederatedIdentities' ? ['NameID'] : [];
      leaks.push(...canaries.in(texts.join('\n'), ...except).map((leak) => `${operation}: ${leak}`));
    }
    for (const path of [
      '/openapi.json',
      '/oauth/jwks',
      '/.well-known/openid-configuration',
      new URL(acme.provider.sp.metadata_url).pathname,
    ])
      leaks.push(...canaries.in((await w.request(path)).text).map((leak) => `${path}: ${leak}`));
    expect(leaks, leaks.join('\n')).to.deep.equal([]);
    expect(answers.get('listScimRequests')?.join('')).to.include('/Users');
    expect(answers.get('listOrganizationAuditLogs')?.join('')).to.include('api_key');
  });

  describe('would be heard', () => {
    const planted = new Canaries();
    const secret = planted.add('planted', `ltl_key_${randomBytes(32).toString('base64url')}`);
    const spoken = planted.add('spoken', `canary "quoted" & spaced ${randomBytes(12).toString('hex')}`);

    it('in each form, at each place of something larger', () => {
      for (const one of [secret, spoken]) {
        for (const shape of shapesOf(one)) expect(planted.in(`before${shape}after`), shape).to.have.length(1);
        for (const prefix of ['', 'a', 'ab', 'abc', 'abcd']) {
          const within = `${prefix}${JSON.stringify({ deep: one })}`;
          for (const encoding of ['base64', 'base64url', 'hex'] as const) {
            const text = Buffer.from(prefix + one + prefix).toString(encoding);
            expect(planted.in(text), `${encoding} after ${prefix}`).to.have.length(1);
          }
          expect(planted.in(within)).to.have.length(1);
        }
        expect(planted.in(new URLSearchParams({ x: one }).toString())).to.have.length(1);
        expect(planted.in(`/x?y=${encodeURIComponent(one)}`)).to.have.length(1);
        expect(planted.in(createHash('sha256').update(one).digest('base64url'))).to.have.length(0);
      }
    });

    it('in a text, a document and a list of the database, in the log, and in an answer', async () => {
      const forms = {
        raw: spoken,
        base64: Buffer.from(spoken).toString('base64'),
        hex: Buffer.from(spoken).toString('hex'),
      };
      for (const [form, text] of Object.entries(forms)) {
        const { body } = await w.api<{ org_id: string }>('POST', '/organizations', {
          org_name: text.slice(0, 200),
          org_metadata: { note: [text] },
        });
        const tables = await dump(w);
        const found = [...tables].filter(([, rows]) => planted.in(rows).length > 0).map(([table]) => table);
        expect(found, form).to.include.members(['organizations', 'audit_logs']);
        const backup = await pgDump(w);
        if (backup !== null) expect(planted.in(backup), `pg_dump ${form}`).to.have.length(1);
        const { answers } = await crawl(w, key, { org_id: [body.org_id] });
        expect(planted.in(answers.get('readOrganization')?.join('\n') ?? ''), form).to.have.length(1);
        w.app.log.debug({ note: text }, 'planted');
        w.app.log.info(`planted ${text}`);
        await pause(50);
        expect(planted.in(w.logLines.join('\n')), form).to.have.length(1);
        await w.api('DELETE', `/organizations/${body.org_id}`);
      }
    });
  });
});
