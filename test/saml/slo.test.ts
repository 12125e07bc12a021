/**
 * Single logout: what an identity provider may end, and how ours is told to it. Over 300 lines because what comes in and what goes
 * out are of the same sessions.
 */
import { deflateRawSync } from 'node:zlib';
import { expect } from 'chai';
import { hashSecret } from '../../src/core/secret.ts';
import { newId } from '../../src/core/id.ts';
import { beginLogout } from '../../src/federation/exchanges/logout.ts';
import type { NameId } from '../../src/federation/saml/assertion.ts';
import { expireExchanges } from '../../src/federation/exchanges/service.ts';
import { createLogoutRequest, createLogoutResponse } from '../../src/federation/saml/logout-messages.ts';
import type { Outgoing } from '../../src/federation/saml/request.ts';
import { nameIdContext } from '../../src/signin/sessions/service.ts';
import { type Company, company, post, readRequest, referenceOf, start, type Trace } from '../federation/company.ts';
import { keys } from '../support/saml/keys.ts';
import { encodePost } from '../support/saml/messages.ts';
import { type World, world } from '../support/world.ts';

const persistent = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
const nameId = (name_id: string): NameId => ({
  name_id,
  name_id_format: persistent,
  name_qualifier: null,
  sp_name_qualifier: null,
});

describe('saml/slo', () => {
  let w: World;
  let c: Company;
  let user_id: string;

  before(async () => {
    w = await world();
    c = await company(w);
    const path = `/organizations/${c.org_id}/users`;
    user_id = (await w.api<{ user_id: string }>('POST', path, { email: `ada@${c.domain}` })).body.user_id;
  });
  after(() => w.close());
  beforeEach(() => w.db('sessions').delete());

  async function session(name: string, index: string, at: Company = c): Promise<string> {
    const session_id = newId();
    await w.db('sessions').insert({
      session_id,
      user_id,
      org_id: at.org_id,
      provider_id: at.provider.provider_id,
      idp_session_index: index,
      name_id_encrypted: w.app.sealer.seal(JSON.stringify(nameId(name)), nameIdContext(session_id)),
      created_at: w.app.clock(),
      last_accessed_at: w.app.clock(),
      expires_at: new Date(w.app.clock().getTime() + 3_600_000),
    });
    return session_id;
  }
  const living = async (): Promise<string[]> => w.db('sessions').where({ revoked: false }).pluck('session_id');

  /** A LogoutRequest as the company's identity provider would send it. */
  function request(
    name: string,
    index: string | null,
    more: {
      binding?: 'redirect' | 'post';
      pair?: typeof pair;
      at?: Company;
      nameId?: Partial<NameId>;
      relayState?: string;
      issuer?: string;
    } = {},
  ) {
    const at = more.at ?? c;
    return createLogoutRequest({
      serviceProvider: {
        entityId: more.issuer ?? c.idp,
        acsUrl: 'https://idp.example/acs',
        sloUrl: 'https://idp.example/slo',
        current: more.pair ?? pair,
      },
      idpEntityId: at.provider.sp.entity_id,
      endpoint: { binding: more.binding ?? 'redirect', location: at.provider.sp.slo_url },
      now: w.app.clock().getTime(),
      nameId: { ...nameId(name), ...more.nameId },
      sessionIndex: index,
      relayState: more.relayState ?? 'idp-state',
    });
  }
  const pair = { privateKey: keys.idp().privateKey, certificate: keys.idp().certificate };
  const attacker = { privateKey: keys.attacker().privateKey, certificate: keys.attacker().certificate };
  const follow = (outgoing: Outgoing) => {
    if (outgoing.method === 'post') return post(w, outgoing.url, outgoing.fields);
    const url = new URL(outgoing.url);
    return w.request(url.pathname + url.search, { headers: { accept: 'text/html' } });
  };

  it('SA-14: ends the session that a signed request names, and answers it', async () => {
    const [mine, other] = [await session('u-ada', '_s1'), await session('u-ada', '_s2')];
    const sent = request('u-ada', '_s1');
    const answer = await follow(sent);
    expect(answer.status).to.equal(303);
    expect(await living()).to.deep.equal([other]);
    expect(await w.db('sessions').where({ session_id: mine }).first('revocation_reason')).to.deep.equal({
      revocation_reason: 'provider_signed_out',
    });
    const location = answer.headers.get('location') ?? '';
    expect(location).to.match(/^https:\/\/idp\.example\/slo\?SAMLResponse=.*SigAlg=.*Signature=/);
    expect(new URL(location).searchParams.get('RelayState')).to.equal('idp-state');
  });

  it('ends every session of the person when no index is named, by POST as well', async () => {
    await session('u-ada', '_s1');
    await session('u-ada', '_s2');
    const eve = await session('u-eve', '_s3');
    expect((await follow(request('u-ada', null, { binding: 'post' }))).status).to.equal(303);
    expect(await living()).to.deep.equal([eve]);
  });

  /** Why a logout was refused: told to the company's administrator under the reference, and to nobody else. */
  async function refused(answer: Awaited<ReturnType<typeof follow>>, at: Company = c): Promise<string> {
    expect(answer.status, 'status').to.equal(400);
    const path = `/organizations/${at.org_id}/signin-traces/${referenceOf(answer)}`;
    const trace = await w.api<Trace>('GET', path);
    expect(trace.status, 'a trace under the reference').to.equal(200);
    expect(trace.body).to.include({ result: 'denied', provider_id: at.provider.provider_id, user_id: null });
    expect(trace.body.checks[0]).to.deep.equal({ check: 'single logout', ok: true });
    expect(trace.body.checks.at(-1)).to.include({ ok: false, code: trace.body.code });
    expect(trace.body.explanation).to.be.a('string');
    expect(answer.text, 'SA-16: the visitor is not told why').not.to.include(trace.body.code as string);
    expect(answer.text).not.to.include(trace.body.explanation as string);
    return trace.body.code as string;
  }

  it('SA-14, SA-16: refuses what is unsigned, forged, used before, another connection’s or too old, and ends nothing', async () => {
    const mine = await session('u-ada', '_s1');
    const other = await company(w);
    const unsigned = new URL((request('u-ada', '_s1') as { url: string }).url);
    unsigned.searchParams.delete('Signature');
    unsigned.searchParams.delete('SigAlg');
    const old = request('u-ada', '_s1');
    const sent = (url: URL) => w.request(url.pathname + url.search, { headers: { accept: 'text/html' } });
    expect(await refused(await sent(unsigned))).to.equal('signature.missing');
    for (const binding of ['redirect', 'post'] as const) {
      const forged = await follow(request('u-ada', '_s1', { pair: attacker, binding }));
      expect(await refused(forged), binding).to.equal('signature.invalid');
      // The other company has the same identity provider's key, and its own name and address for us.
      const theirs = request('u-ada', '_s1', { at: other, binding });
      const here = theirs.method === 'post' ? theirs.url : theirs.url.split('?')[0];
      expect(await refused(await follow(theirs), other), binding).to.equal('issuer');
      const moved = { ...theirs, url: theirs.url.replace(here ?? '', c.provider.sp.slo_url) };
      expect(await refused(await follow(moved)), binding).to.equal('destination');
    }
    const used = request('u-eve', '_s1');
    expect((await follow(used)).status).to.equal(303);
    expect(await refused(await follow(used)), 'twice').to.equal('replayed');
    w.skew += 15 * 60_000;
    expect(await refused(await follow(old)), 'old').to.equal('issue_instant');
    w.skew = 0;
    expect(await living()).to.deep.equal([mine]);
  });

  it('SA-14: a request is not forgotten while it could still be believed', async () => {
    const sent = request('u-ada', '_s1');
    expect((await follow(sent)).status).to.equal(303);
    try {
      // It says itself that it ends after five minutes; clocks may differ by three.
      w.skew += 7.5 * 60_000;
      await expireExchanges(w.app);
      expect(await refused(await follow(sent))).to.equal('replayed');
      w.skew += 60_000;
      expect(await refused(await follow(sent))).to.equal('expired');
    } finally {
      w.skew = 0;
    }
  });

  it('SA-02, SA-03, SA-09, SA-10: what no honest message holds is refused at this door too, before anybody verifies it', async () => {
    const mine = await session('u-ada', '_s1');
    const sent = request('u-ada', '_s1', { binding: 'post' });
    if (sent.method !== 'post') throw new Error('no form');
    const xml = Buffer.from(sent.fields.SAMLRequest ?? '', 'base64').toString();
    const posted = async (text: string) => refused(await post(w, sent.url, { SAMLRequest: encodePost(text) }));
    expect(await posted(`<!DOCTYPE x [<!ENTITY a "b">]>${xml}`)).to.equal('message.doctype');
    expect(await posted(xml.replace('u-ada', 'u-<!-- -->ada'))).to.equal('message.comment');
    expect(await posted(xml.replace('u-ada', '<![CDATA[u-ada]]>'))).to.equal('message.cdata');
    expect(await posted(xml.replace('u-ada', 'u-eve'))).to.equal('signature.digest');
    expect(await posted(`${'<a>'.repeat(70)}${'</a>'.repeat(70)}`)).to.equal('message.limits');
    expect(await posted('x'.repeat(257 * 1024))).to.equal('message.too_large');
    const redirected = async (query: string) =>
      refused(await w.request(`${new URL(sent.url).pathname}?${query}`, { headers: { accept: 'text/html' } }));
    const bomb = encodeURIComponent(deflateRawSync(Buffer.alloc(8 << 20)).toString('base64'));
    expect(await redirected(`SAMLRequest=${bomb}&SigAlg=x&Signature=AAAA`)).to.equal('message.too_large');
    const good = new URL((request('u-ada', '_s1') as { url: string }).url).search.slice(1);
    expect(await redirected(`${good}&SAMLRequest=x`)).to.equal('message.structure');
    expect(await redirected(`${good}&RelayState=https%3A%2F%2Fevil.example`)).to.equal('message.structure');
    expect(await redirected(good.replace('idp-state', 'https%3A%2F%2Fevil.example'))).to.equal('signature.invalid');
    expect(await redirected(`${good}&SAMLEncoding=urn%3Ax`)).to.equal('message.encoding');
    expect(await living()).to.deep.equal([mine]);
  });

  it('SA-09: the RelayState of an identity provider goes back to it, wherever it points to', async () => {
    const answer = await follow(request('u-ada', null, { relayState: 'https://evil.example/' }));
    const location = new URL(answer.headers.get('location') ?? '');
    expect([location.origin, location.searchParams.get('RelayState')]).to.deep.equal([
      'https://idp.example',
      'https://evil.example/',
    ]);
  });

  it('SA-14: a NameID of another form, or another index, names somebody else', async () => {
    const mine = await session('u-ada', '_s1');
    await follow(request('u-ad', '_s1'));
    await follow(request('u-ada', '_s9'));
    for (const other of [
      { name_id_format: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress' },
      { name_id_format: null },
      { name_qualifier: 'https://other.example/' },
      { sp_name_qualifier: 'https://other.example/' },
    ]) {
      expect((await follow(request('u-ada', '_s1', { nameId: other }))).status).to.equal(303);
    }
    expect(await living()).to.deep.equal([mine]);
  });

  it('SA-14: an identity provider ends what came through its own connection, whoever else is called the same', async () => {
    const other = await company(w);
    const theirs = await session('u-ada', '_s1', other);
    const mine = await session('u-ada', '_s1');
    for (const index of ['_s1', null]) expect((await follow(request('u-ada', index))).status).to.equal(303);
    expect(await living()).to.deep.equal([theirs]);
    expect(await w.db('sessions').where({ session_id: mine }).first('revoked')).to.deep.equal({ revoked: true });
  });

  it('SA-12, SA-14: a certificate that was retired signs no logout', async () => {
    const d = await company(w);
    const path = `/organizations/${d.org_id}/identity-providers/${d.provider.provider_id}/certificates`;
    await w.api('POST', path, { pem: keys.idpNext().certificate });
    const { items } = (await w.api<{ items: { certificate_id: string }[] }>('GET', path)).body;
    expect((await w.api('DELETE', `${path}/${items[0]?.certificate_id}`)).status).to.equal(204);
    const from = (signer: typeof pair) => request('u-ada', null, { at: d, issuer: d.idp, pair: signer });
    expect(await refused(await follow(from(pair)), d)).to.equal('signature.invalid');
    expect((await follow(from(keys.idpNext()))).status).to.equal(303);
  });

  it('FD-03: a disabled connection ends nothing', async () => {
    const d = await company(w);
    await w.api('PATCH', `/organizations/${d.org_id}/identity-providers/${d.provider.provider_id}`, { enabled: false });
    expect(await refused(await follow(request('u-ada', null, { at: d })), d)).to.equal('connection.closed');
  });

  describe('of ours', () => {
    const begin = () =>
      beginLogout(w.call(), c.provider.provider_id, {
        name_id: JSON.stringify(nameId('u-ada')),
        idp_session_index: '_s1',
        return_to: '/signed-out',
      });
    const reply = (inResponseTo: string, relayState: string, signer = pair) =>
      follow(
        createLogoutResponse({
          serviceProvider: { entityId: c.idp, acsUrl: '', sloUrl: '', current: signer },
          idpEntityId: c.provider.sp.entity_id,
          endpoint: { binding: 'redirect', location: c.provider.sp.slo_url },
          now: w.app.clock().getTime(),
          inResponseTo,
          success: true,
          relayState,
        }),
      );

    it('names the session exactly, signed, and comes back where it began, once', async () => {
      const outgoing = await begin();
      if (outgoing?.method !== 'redirect') throw new Error('no redirect');
      const { xml, request_id, relay_state } = readRequest(outgoing.url);
      expect(xml).to.include('>u-ada</saml:NameID>').and.include('<samlp:SessionIndex>_s1</samlp:SessionIndex>');
      expect(new URL(outgoing.url).searchParams.get('Signature')).to.be.a('string');
      expect(await refused(await reply(request_id, relay_state, attacker))).to.equal('signature.invalid');
      const answer = await reply(request_id, relay_state);
      expect([answer.status, answer.headers.get('location')]).to.deep.equal([303, '/signed-out']);
      expect(await refused(await reply(request_id, relay_state)), 'twice').to.equal('request.unknown');
    });

    it('takes no answer to a sign-in, and leaves that as it was', async () => {
      const started = await start(w, c.provider.provider_id);
      expect(await refused(await reply(started.request_id, started.relay_state))).to.equal('request.unknown');
      expect(await w.db('saml_requests').where({ request_id: started.request_id })).to.have.length(1);
    });

    it('takes no answer without a RelayState', async () => {
      const { request_id } = readRequest((await begin())?.url ?? '');
      expect(await refused(await reply(request_id, ''))).to.equal('request.unknown');
    });

    it('takes no answer under another RelayState', async () => {
      const outgoing = await begin();
      const { request_id, relay_state } = readRequest(outgoing?.url ?? '');
      expect(await refused(await reply(request_id, hashSecret(relay_state)))).to.equal('request.unknown');
    });

    it('is nothing where the identity provider has no address for it, or nobody is named', async () => {
      const d = await company(w, { config: { slo_url: null } });
      const session = { name_id: JSON.stringify(nameId('x')), idp_session_index: null, return_to: '/' };
      expect(await beginLogout(w.call(), d.provider.provider_id, session)).to.equal(null);
      expect(await beginLogout(w.call(), c.provider.provider_id, { ...session, name_id: null })).to.equal(null);
    });
  });

  it('reads one message at a time', async () => {
    const path = new URL(c.provider.sp.slo_url).pathname;
    const sent = request('u-ada', '_s1', { binding: 'post' });
    if (sent.method !== 'post') throw new Error('no form');
    const both = { ...sent.fields, SAMLResponse: sent.fields.SAMLRequest ?? '' };
    for (const fields of [{}, { RelayState: 'x' }, both] as Record<string, string>[]) {
      const answer = await post(w, sent.url, fields, { accept: 'application/json' });
      expect([answer.status, answer.body.code]).to.deep.equal([400, 'request_invalid']);
    }
    const nothing = await w.request(path, { headers: { accept: 'text/html' } });
    expect(await refused(nothing)).to.equal('message.structure');
    expect((await w.request(path, { method: 'PUT' })).status).to.equal(405);
  });
});
