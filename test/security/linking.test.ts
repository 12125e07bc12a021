/**
 * Which account an identity provider opens, as whole tables, and every door of a connection that is closed (checklist FD). Over 300
 * lines because its tables are whole.
 */
import { expect } from 'chai';
import { createLogoutRequest } from '../../src/federation/saml/logout-messages.ts';
import { redeemHandoff } from '../../src/federation/exchanges/handoffs.ts';
import {
  type Company,
  codeOf,
  company,
  latestTrace,
  organization,
  post,
  readRequest,
  response,
  signIn,
  start,
  verifyDomain,
} from '../federation/company.ts';
import { Browser, makeApplication, type RelyingParty } from '../oidc/rp.ts';
import { insertPersonWithPassword, Visitor } from '../signin/person.ts';
import { keys } from '../support/saml/keys.ts';
import { type World, world } from '../support/world.ts';
import { pause } from '../support/waiting.ts';

describe('security: accounts and connections', function () {
  this.timeout(120_000);
  let w: World;
  let client: RelyingParty;
  before(async () => {
    w = await world();
    client = await makeApplication(w);
  });
  beforeEach(() => w.db('rate_limit_counters').delete());
  after(() => w.close());

  describe('FD-02: an account that is there is linked only where all three are so', () => {
    const sides = [true, false];
    let made = 0;
    for (const verified of sides) {
      for (const confirmed of sides) {
        for (const own of sides) {
          const links = verified && confirmed && own;
          const name = `the connection’s organization ${verified ? 'verified' : 'did not verify'} the domain, the account’s address is ${
            confirmed ? 'confirmed' : 'unconfirmed'
          }, ${own ? 'by this organization' : 'by another organization or a person'}: ${links ? 'linked' : 'not linked'}`;
          it(name, async () => {
            made += 1;
            const c = await company(w, { auto_provision: true });
            const domain = `case${made}.example`;
            if (verified) await verifyDomain(w, c.org_id, domain);
            const email = `ada@${domain}`;
            const theirs = own ? c.org_id : await organization(w);
            const { body } = await w.api<{ user_id: string }>('POST', `/organizations/${theirs}/users`, { email });
            await w.db('users').where({ user_id: body.user_id }).update({ email_confirmed: confirmed });
            const before = await w.db('users').where({ user_id: body.user_id }).first();
            const { code, started } = await signIn(w, c, { subject: 's', email });
            const login =
              code === null ? null : await redeemHandoff(w.call(), code, { attempt_id: started.attempt_id });
            const after = await w.db('users').where({ user_id: body.user_id }).first();
            if (links) {
              expect(login).to.include({ user_id: body.user_id, outcome: 'linked' });
              return;
            }
            // Refused where the organization itself has the address already; where others have it, a separate account.
            if (own) expect((await latestTrace(w, c.org_id)).code).to.equal('account.taken');
            else expect(login).to.include({ outcome: 'created' });
            expect(login?.user_id ?? null).not.to.equal(body.user_id);
            expect(after).to.deep.equal(before);
            if (login && !own) {
              const { home_org_id, email_confirmed } = await w.db('users').where({ user_id: login.user_id }).first();
              expect([home_org_id, email_confirmed], 'asserted as unverified').to.deep.equal([c.org_id, verified]);
            }
            expect(await w.db('federated_identities').where({ user_id: body.user_id })).to.deep.equal([]);
          });
        }
      }
    }

    it('a person’s own account: claimed where its address is confirmed and the domain verified, else left alone', async () => {
      for (const verified of sides) {
        for (const confirmed of sides) {
          made += 1;
          const c = await company(w, { auto_provision: true });
          const domain = `case${made}.example`;
          if (verified) await verifyDomain(w, c.org_id, domain);
          const person = await insertPersonWithPassword(w, { email: `eve@${domain}`, email_confirmed: confirmed });
          const { code, started } = await signIn(w, c, { subject: 's', email: person.email });
          const login = await redeemHandoff(w.call(), code ?? '', { attempt_id: started.attempt_id });
          const told = `verified ${verified}, confirmed ${confirmed}`;
          expect(login?.user_id === person.user_id, told).to.equal(verified && confirmed);
          const { home_org_id } = await w.db('users').where({ user_id: person.user_id }).first('home_org_id');
          expect(home_org_id, told).to.equal(verified && confirmed ? c.org_id : null);
        }
      }
    });
  });

  it('FD-01: two connections with one issuer and one subject are two identities, in one organization as well', async () => {
    const one = await company(w, { auto_provision: true });
    const path = `/organizations/${one.org_id}/identity-providers`;
    const second = await w.api<Company['provider'] & { code?: string }>('POST', path, {
      type: 'saml',
      name: 'Second',
      auto_provision: true,
      config: { idp_entity_id: one.idp, sso_url: 'https://idp.example/sso', certificates: [keys.idp().certificate] },
    });
    const other = await company(w, { auto_provision: true });
    const ids: (string | undefined)[] = [];
    const twins: Company[] = [one, { ...other, idp: other.idp }];
    if (second.status === 201) twins.push({ ...one, provider: second.body });
    for (const c of twins) {
      const { code, started } = await signIn(w, c, { subject: 'same-subject', email: `p${ids.length}@mail.example` });
      ids.push((await redeemHandoff(w.call(), code ?? '', { attempt_id: started.attempt_id }))?.user_id);
    }
    expect(ids.every((id) => typeof id === 'string')).to.equal(true);
    expect(new Set(ids).size).to.equal(twins.length);
  });

  describe('FD-03: what is closed is closed at every door', () => {
    interface Closing {
      readonly close: (c: Company) => ReturnType<World['api']>;
    }
    const provider = (c: Company) => `/organizations/${c.org_id}/identity-providers/${c.provider.provider_id}`;
    const closings: Record<string, Closing> = {
      'the connection is disabled': { close: (c) => w.api('PATCH', provider(c), { enabled: false }) },
      'the connection is deleted': { close: (c) => w.api('DELETE', provider(c)) },
      'signing in by SAML is switched off': {
        close: (c) => w.api('PUT', `/organizations/${c.org_id}/login-methods/saml`, { enabled: false }),
      },
      'the organization is suspended': { close: (c) => w.api('POST', `/organizations/${c.org_id}/suspension`) },
      'the organization is deleted': { close: (c) => w.api('DELETE', `/organizations/${c.org_id}`) },
    };

    /** A person who stands at "Continue to …". */
    async function toCompany(c: Company): Promise<{ visitor: Visitor; request: ReturnType<typeof readRequest> }> {
      const visitor = await (await new Visitor(w).begin(client)).fill({ identifier: `ida@${c.domain}` });
      const href = /href="(https:\/\/idp\.example\/sso[^"]*)"/.exec(visitor.page.text)?.[1]?.replaceAll('&amp;', '&');
      return { visitor, request: readRequest(href ?? '') };
    }
    const ida = (c: Company) => ({ subject: 'ida', email: `ida@${c.domain}` });

    for (const [what, { close }] of Object.entries(closings)) {
      it(`${what}: no request, no response, no hand-off, no portal, no logout, no session`, async () => {
        const c = await company(w, { auto_provision: true, config: { idp_initiated: 'accept' } });
        // Open: each door works.
        const early = await toCompany(c);
        const answered = await post(w, c.provider.sp.acs_url, {
          SAMLResponse: response(w, c, early.request, ida(c)),
          RelayState: early.request.relay_state,
        });
        const waiting = codeOf(answered);
        expect(waiting).to.have.length(43);
        const begun = await toCompany(c);
        const { visitor: inside, request } = await toCompany(c);
        const done = await post(w, c.provider.sp.acs_url, {
          SAMLResponse: response(w, c, request, ida(c)),
          RelayState: request.relay_state,
        });
        await inside.open(`/signin/${inside.uid}/federated?code=${codeOf(done)}`);
        expect(inside.callback?.searchParams.get('code')).to.be.a('string');
        const sessions = async () => Number((await w.db('sessions').count('* as n').first())?.n);
        const before = await sessions();

        expect((await close(c)).status, 'closing').to.be.within(200, 204);

        // The hand-off that waited, the request that was under way, a message that nobody asked for.
        await early.visitor.open(`/signin/${early.visitor.uid}/federated?code=${waiting}`);
        expect([early.visitor.callback, early.visitor.heading], 'hand-off').to.deep.equal([null, 'Sign in']);
        const late = await post(w, c.provider.sp.acs_url, {
          SAMLResponse: response(w, c, begun.request, ida(c)),
          RelayState: begun.request.relay_state,
        });
        expect([late.status, codeOf(late)], 'callback of a sign-in under way').to.deep.equal([
          late.status === 404 ? 404 : 403,
          null,
        ]);
        const unasked = await post(w, c.provider.sp.acs_url, { SAMLResponse: response(w, c, null, ida(c)) });
        expect([403, 404], 'begun by the identity provider').to.include(unasked.status);
        expect(unasked.headers.get('location')).to.equal(null);
        // Beginning anew: by the name, by the hint, from the portal, by the room itself.
        const named = await (await new Visitor(w).begin(client)).fill({ identifier: `ida@${c.domain}` });
        expect(named.page.text, 'by the name').not.to.include('https://idp.example/sso');
        const hinted = await new Visitor(w).begin(client, {
          login_hint: `urn:lintel:connection:${c.provider.provider_id}`,
        });
        expect([hinted.heading, hinted.page.text.includes('idp.example')], 'by the hint').to.deep.equal([
          'Sign in',
          false,
        ]);
        const portal = await w.request(new URL(c.provider.sp.login_url).pathname, { headers: { accept: 'text/html' } });
        expect([403, 404], 'the portal').to.include(portal.status);
        const straight = await start(w, c.provider.provider_id).then(
          () => 'begun',
          (error: { code: string }) => error.code,
        );
        expect(['connection_unavailable', 'not_found'], 'the room').to.include(straight);
        // Its word does not end anybody's session either.
        const { pathname, search } = new URL(
          createLogoutRequest({
            serviceProvider: {
              entityId: c.idp,
              acsUrl: 'https://idp.example/acs',
              sloUrl: 'https://idp.example/slo',
              current: { privateKey: keys.idp().privateKey, certificate: keys.idp().certificate },
            },
            idpEntityId: c.provider.sp.entity_id,
            endpoint: { binding: 'redirect', location: c.provider.sp.slo_url },
            now: w.app.clock().getTime(),
            nameId: {
              name_id: 'ida',
              name_id_format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
              name_qualifier: null,
              sp_name_qualifier: null,
            },
            sessionIndex: null,
          }).url,
        );
        const slo = await w.request(pathname + search, { headers: { accept: 'text/html' } });
        if (!/login-methods|switched off/.test(what)) expect([400, 403, 404], 'logout').to.include(slo.status);
        expect(await sessions(), 'sessions').to.equal(before);
      });
    }

    it('an application that is disabled is no way on for a sign-in that it began', async () => {
      const c = await company(w, { auto_provision: true });
      const app = await makeApplication(w);
      const visitor = await (await new Visitor(w).begin(app)).fill({ identifier: `ida@${c.domain}` });
      const href = /href="(https:\/\/idp\.example\/sso[^"]*)"/.exec(visitor.page.text)?.[1]?.replaceAll('&amp;', '&');
      const request = readRequest(href ?? '');
      await w.api('PATCH', `/applications/${app.client_id}`, { enabled: false });
      await pause(800);
      const answered = await post(w, c.provider.sp.acs_url, {
        SAMLResponse: response(w, c, request, ida(c)),
        RelayState: request.relay_state,
      });
      const before = await w.db('sessions').count('* as n').first();
      await visitor.open(`/signin/${visitor.uid}/federated?code=${codeOf(answered) ?? ''}`);
      expect(visitor.callback).to.equal(null);
      expect(visitor.page.status).to.equal(400);
      expect(await w.db('sessions').count('* as n').first()).to.deep.equal(before);
    });
  });

  describe('FD-05: a RelayState is good once, for its browser, its connection and its organization', () => {
    it('swapped between two connections of one company, two companies, and two browsers', async () => {
      const [one, two] = [await company(w, { auto_provision: true }), await company(w, { auto_provision: true })];
      const [a, b] = [await start(w, one.provider.provider_id), await start(w, two.provider.provider_id)];
      const ask = async (c: Company, request: typeof a, relay_state: string) =>
        codeOf(
          await post(w, c.provider.sp.acs_url, {
            SAMLResponse: response(w, c, request, { subject: 'p', email: `p@${c.domain}` }),
            RelayState: relay_state,
          }),
        );
      expect(await ask(one, a, b.relay_state), 'the other company’s RelayState').to.equal(null);
      expect(await ask(two, b, a.relay_state), 'and the other way round').to.equal(null);
      expect(await ask(one, b, b.relay_state), 'the other company’s request').to.equal(null);
      // A good response under a wrong RelayState is used up; the next sign-in is not.
      expect(await ask(one, a, a.relay_state), 'its own, after that').to.equal(null);
      const next = await start(w, one.provider.provider_id);
      const good = await ask(one, next, next.relay_state);
      expect(good, 'its own').to.have.length(43);
      expect(await ask(one, next, next.relay_state), 'twice').to.equal(null);
      expect(await redeemHandoff(w.call(), good ?? '', { attempt_id: b.attempt_id }), 'another sign-in').to.equal(null);
    });

    it('in another browser the way back is refused, and nothing is used up', async () => {
      const c = await company(w, { auto_provision: true });
      const visitor = await (await new Visitor(w).begin(client)).fill({ identifier: `ida@${c.domain}` });
      const href = /href="(https:\/\/idp\.example\/sso[^"]*)"/.exec(visitor.page.text)?.[1]?.replaceAll('&amp;', '&');
      const request = readRequest(href ?? '');
      const answered = await post(w, c.provider.sp.acs_url, {
        SAMLResponse: response(w, c, request, { subject: 'ida', email: `ida@${c.domain}` }),
        RelayState: request.relay_state,
      });
      const way = `/signin/${visitor.uid}/federated?code=${codeOf(answered)}`;
      for (const stranger of [new Browser(w), (await new Visitor(w).begin(client)).browser])
        expect((await stranger.go(way)).status, 'a stranger').to.equal(400);
      await visitor.open(way);
      expect(visitor.callback?.searchParams.get('code')).to.be.a('string');
    });
  });

  it('SA-07: a message that nobody asked for is good once, where a connection takes such messages', async () => {
    const c = await company(w, { auto_provision: true, config: { idp_initiated: 'accept' } });
    const SAMLResponse = response(w, c, null, { subject: 'ida', email: `ida@${c.domain}` });
    const codes: (string | null)[] = [];
    for (let time = 0; time < 2; time += 1) {
      await post(w, c.provider.sp.acs_url, { SAMLResponse });
      codes.push((await latestTrace(w, c.org_id)).code);
    }
    expect(codes).to.deep.equal([null, 'replayed']);
  });

  it('FD-06: what goes on is what the server kept: fields and parameters of the way back are not read', async () => {
    const c = await company(w, { auto_provision: true });
    const victim = await insertPersonWithPassword(w);
    const visitor = await (await new Visitor(w).begin(client)).fill({ identifier: `ida@${c.domain}` });
    const href = /href="(https:\/\/idp\.example\/sso[^"]*)"/.exec(visitor.page.text)?.[1]?.replaceAll('&amp;', '&');
    const request = readRequest(href ?? '');
    const tampered = {
      user_id: victim.user_id,
      email: victim.email,
      sub: victim.user_id,
      provider_id: 'x',
      return_to: 'https://evil.example',
      NameID: victim.email,
    };
    const answered = await post(w, `${c.provider.sp.acs_url}`, {
      SAMLResponse: response(w, c, request, { subject: 'ida', email: `ida@${c.domain}` }),
      RelayState: request.relay_state,
      ...tampered,
    });
    expect(answered.headers.get('location')).to.match(/^\/signin\/[\w-]{43}\/federated\?code=[\w-]{43}$/);
    await visitor.open(`${answered.headers.get('location')}&${new URLSearchParams(tampered)}`);
    expect(visitor.callback?.searchParams.get('code')).to.be.a('string');
    expect(await w.db('sessions').where({ user_id: victim.user_id })).to.deep.equal([]);
    const [{ user_id }] = await w.db('users').where({ email: `ida@${c.domain}` });
    expect(await w.db('sessions').where({ user_id })).to.have.length(1);
  });
});
