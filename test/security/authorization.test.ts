/** The authorization endpoint by whole tables: PKCE, issuers, states, and the status behind every form (checklist OA). */
import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { preparePassword, setPassword } from '../../src/credentials/passwords/service.ts';
import { createSetupLink } from '../../src/signin/setup/service.ts';
import { insertMember, insertOrganization } from '../credentials/owners.ts';
import { company, post as postSaml, readRequest, response, start } from '../federation/company.ts';
import {
  authorizationUrl,
  exchange,
  makeApplication,
  payloadOf,
  post,
  redirectUri,
  type RelyingParty,
  verifierOf,
} from '../oidc/rp.ts';
import { formsOf, goodPassword, insertPersonWithPassword, Visitor, wrongPassword } from '../signin/person.ts';
import { type World, world } from '../support/world.ts';

describe('security: authorization', function () {
  this.timeout(120_000);
  let w: World;
  let client: RelyingParty;
  let inside: Visitor;
  before(async () => {
    w = await world();
    client = await makeApplication(w);
    inside = await (await new Visitor(w).begin(client)).signIn((await insertPersonWithPassword(w)).email);
    expect(inside.callback).not.to.equal(null);
  });
  beforeEach(() => w.db('rate_limit_counters').delete());
  after(() => w.close());

  describe('OA-07: a challenge in the request, what its method says, a verifier at the exchange', () => {
    const verifier = randomBytes(32).toString('base64url');
    const s256 = createHash('sha256').update(verifier).digest('base64url');
    const requests: Record<string, Record<string, string>> = {
      'no challenge': {},
      S256: { code_challenge: s256, code_challenge_method: 'S256' },
      plain: { code_challenge: verifier, code_challenge_method: 'plain' },
      'a challenge without a method': { code_challenge: s256 },
    };
    const verifiers: Record<string, string> = { 'the verifier': verifier, 'no verifier': '' };
    for (const require_pkce of [true, false]) {
      for (const [sent, parameters] of Object.entries(requests)) {
        for (const [shown, code_verifier] of Object.entries(verifiers)) {
          const isAsked = sent === 'S256' || (sent === 'no challenge' && !require_pkce);
          const isGiven = isAsked && (sent === 'S256') === (shown === 'the verifier');
          const outcome = isGiven ? 'a token' : isAsked ? 'a code that is worth nothing' : 'no code';
          it(`${require_pkce ? 'required' : 'not required'}, ${sent}, ${shown}: ${outcome}`, async () => {
            const party = await makeApplication(w, { require_pkce });
            await inside.open(authorizationUrl(party, { pkce: 'no', ...parameters }));
            const back = inside.callback?.searchParams;
            expect(back?.get('error') ?? null).to.equal(isAsked ? null : 'invalid_request');
            const code = back?.get('code') ?? '';
            expect(code !== '').to.equal(isAsked);
            if (!isAsked) return;
            const { status, body } = await exchange(w, party, code, code_verifier);
            expect([status, body.error]).to.deep.equal(isGiven ? [200, undefined] : [400, 'invalid_grant']);
            if (!isGiven) {
              const again = await exchange(w, party, code, sent === 'S256' ? verifier : '');
              expect(again.body.error, 'and then dead').to.equal('invalid_grant');
            }
          });
        }
      }
    }
  });

  it('OA-09: ten kinds of answers, good and bad, all name their issuer, in each way to answer', async () => {
    const asked: Record<string, string>[] = [
      {},
      { prompt: 'none' },
      { response_type: 'token' },
      { response_type: 'code id_token', nonce: 'n' },
      { response_type: 'nonsense' },
      { scope: 'openid', claims: '{' },
      { prompt: 'none login' },
      { max_age: '-1' },
      { code_challenge_method: 'plain' },
      { organization_id: 'no-uuid' },
      { resource: 'https://nobody.example/' },
      { request: 'x.y.z' },
    ];
    let good = 0;
    for (const mode of ['query', 'form_post']) {
      for (const parameters of asked) {
        await inside.open(authorizationUrl(client, { response_mode: mode, ...parameters }));
        const { location, text } = inside.page;
        const back = new URL(location ?? 'about:blank');
        const fields =
          location === null
            ? (formsOf(text)[0]?.fields ?? {})
            : Object.fromEntries([...back.searchParams, ...new URLSearchParams(back.hash.slice(1))]);
        expect(fields.iss, `${mode} ${JSON.stringify(parameters)}`).to.equal(w.url);
        expect(fields.state, `${mode} ${JSON.stringify(parameters)}`).to.equal('state-1');
        if (fields.code) good += 1;
        else expect(fields.error, JSON.stringify(parameters)).to.be.a('string');
      }
    }
    expect(good).to.equal(4);
  });

  it('OA-14: states and nonces of up to 2 KiB come back byte for byte, in the query and in a form, escaped', async () => {
    const fuzz = [
      'x',
      ' ',
      '  two  spaces  ',
      '+',
      '%2B%25%00',
      '&amp;&lt;',
      `"><script>alert(1)</script>`,
      `'-alert(1)-'`,
      '</form><form action="https://evil.example">',
      '${7*7}{{7*7}}<%= 7*7 %>',
      '\u202e\u2066\ufeff',
      '😀'.repeat(500),
      'ä'.repeat(1024),
      '\\u0041\\',
      'a=b&c=d;e=f#g',
      '__proto__',
      randomBytes(1500).toString('base64'),
      'x'.repeat(2048),
      '\t',
      'line\r\nSet-Cookie: a=b',
    ];
    for (const value of fuzz) {
      for (const response_mode of ['query', 'form_post']) {
        const address = authorizationUrl(client, { state: value, nonce: value, response_mode });
        await inside.open(address);
        const form = formsOf(inside.page.text)[0];
        const told = `${response_mode} ${JSON.stringify(value.slice(0, 40))}`;
        if (response_mode === 'form_post') {
          expect(form?.action, told).to.equal(redirectUri);
          expect(formsOf(inside.page.text), told).to.have.length(1);
          expect(inside.page.text, told).not.to.match(/<script>alert|<form action="https:\/\/evil/);
        }
        expect(inside.page.headers.get('set-cookie') ?? '', told).not.to.match(/\ba=b/);
        const answer =
          response_mode === 'query' ? Object.fromEntries(inside.callback?.searchParams ?? []) : (form?.fields ?? {});
        expect(answer.state, told).to.equal(value);
        const { body } = await exchange(w, client, String(answer.code), verifierOf(address));
        expect(payloadOf(String(body.id_token)).nonce, told).to.equal(value);
      }
    }
  });

  it('OA-12: behind every form that takes a password or an answer is 303 or a page, never 307 or 308', async () => {
    const seen: string[] = [];
    const fill = async (visitor: Visitor, fields: Record<string, string>): Promise<void> => {
      const [form] = formsOf(visitor.page.text);
      const answer = await visitor.post(form?.action ?? '', { ...form?.fields, ...fields });
      const step = (form?.action ?? '').replace(/[\w-]{43}/, '…');
      expect(answer.status, `${step} ${JSON.stringify(fields)}`).to.be.oneOf(
        answer.location === null ? [200, 422] : [303],
      );
      seen.push(`${step} ${answer.status}`);
      await visitor.follow(answer);
    };
    const { email, user_id } = await insertPersonWithPassword(w);
    const orgs = [await insertOrganization(w.db), await insertOrganization(w.db)];
    for (const org of orgs) await insertMember(w.db, org, user_id);
    await setPassword(w.call(), user_id, await preparePassword(wrongPassword), { must_change: true });
    const third = await makeApplication(w, {
      first_party: false,
      post_logout_redirect_uris: ['https://app.example/bye'],
    });
    const visitor = await new Visitor(w).begin(third);
    await fill(visitor, { identifier: '' });
    await fill(visitor, { identifier: email });
    await fill(visitor, { password: 'not that one at all' });
    await fill(visitor, { password: wrongPassword });
    await fill(visitor, { password: 'short' });
    await fill(visitor, { password: goodPassword });
    await fill(visitor, { org_id: orgs[0] ?? '' });
    await fill(visitor, { decision: 'perhaps' });
    await fill(visitor, { decision: 'allow' });
    expect(visitor.callback?.searchParams.get('code')).to.be.a('string');
    // Somebody else in the same browser: the provider's own form lies between.
    const other = await insertPersonWithPassword(w);
    await visitor.begin(client, { prompt: 'login' });
    await visitor.open(`/signin/${visitor.uid}/change`);
    await fill(visitor, { identifier: other.email });
    await fill(visitor, { password: goodPassword });
    await fill(visitor, { logout: 'yes' });
    await visitor.open('/oauth/logout');
    await fill(visitor, { logout: 'yes' });
    // Authorization by POST, and the messages of identity providers.
    const query = new URL(authorizationUrl(client), w.url).search.slice(1);
    const form = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    seen.push(`/oauth/authorize ${(await w.request('/oauth/authorize', { ...form, body: query })).status}`);
    seen.push(
      `/oauth/logout ${(await w.request('/oauth/logout', { ...form, body: `client_id=${client.client_id}` })).status}`,
    );
    const acme = await company(w, { auto_provision: true });
    const begun = await start(w, acme.provider.provider_id);
    const field = response(w, acme, begun, { subject: 's', email: `a@${acme.domain}` });
    const taken = await postSaml(w, acme.provider.sp.acs_url, { SAMLResponse: field, RelayState: begun.relay_state });
    seen.push(`acs ${taken.status}`);
    expect(readRequest(begun.url).request_id).to.equal(begun.request_id);
    expect(seen.filter((line) => line.endsWith(' 303')).map((line) => line.split(' ')[0])).to.include.members([
      '/signin/…/identify',
      '/signin/…/password',
      '/signin/…/renew',
      '/signin/…/organization',
      '/signin/…/consent',
      '/oauth/logout/confirm',
      '/oauth/authorize',
      '/oauth/logout',
      'acs',
    ]);
    for (const line of seen) expect(line).to.match(/ (200|303|422)$/);
    const token = await post(w, '/oauth/token', client, { grant_type: 'x' });
    expect(token.headers.get('location')).to.equal(null);
  });
});

describe('security: the first form of all', () => {
  it('OA-12: the page of the first administrator answers with a page', async () => {
    const w = await world({ environment: { LINTEL_BOOTSTRAP_API_KEY: '' } });
    try {
      const visitor = await new Visitor(w).open((await createSetupLink(w.app)) as string);
      for (const [password, status] of [
        ['short', 422],
        [goodPassword, 200],
      ] as const) {
        const [form] = formsOf(visitor.page.text);
        const fields = { ...form?.fields, email: 'oda@keel.example', name: 'Oda', password };
        visitor.page = await visitor.post(form?.action ?? '', fields);
        expect([visitor.page.status, visitor.page.location]).to.deep.equal([status, null]);
      }
    } finally {
      await w.close();
    }
  });
});
