/** Single logout: what an identity provider may end, and how ours is told to it. */
import { expect } from 'chai';
import { hashSecret } from '../../src/core/secret.ts';
import { newId } from '../../src/core/id.ts';
import { beginLogout } from '../../src/federation/exchanges/logout.ts';
import { createLogoutRequest, createLogoutResponse } from '../../src/federation/saml/logout-messages.ts';
import type { Outgoing } from '../../src/federation/saml/request.ts';
import { nameIdContext } from '../../src/signin/sessions/service.ts';
import { type Company, company, post, readRequest } from '../federation/company.ts';
import { keys } from '../support/saml/keys.ts';
import { type World, world } from '../support/world.ts';

const persistent = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
const nameId = (name_id: string) => ({
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
    more: { binding?: 'redirect' | 'post'; pair?: typeof pair; at?: Company } = {},
  ) {
    const at = more.at ?? c;
    return createLogoutRequest({
      serviceProvider: {
        entityId: c.idp,
        acsUrl: 'https://idp.example/acs',
        sloUrl: 'https://idp.example/slo',
        current: more.pair ?? pair,
      },
      idpEntityId: at.provider.sp.entity_id,
      endpoint: { binding: more.binding ?? 'redirect', location: at.provider.sp.slo_url },
      now: w.app.clock().getTime(),
      nameId: nameId(name),
      sessionIndex: index,
      relayState: 'idp-state',
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

  it('SA-14: refuses what is unsigned, forged, used before, another connection’s or too old, and ends nothing', async () => {
    const mine = await session('u-ada', '_s1');
    const other = await company(w);
    const unsigned = new URL((request('u-ada', '_s1') as { url: string }).url);
    unsigned.searchParams.delete('Signature');
    unsigned.searchParams.delete('SigAlg');
    const old = request('u-ada', '_s1');
    expect((await w.request(unsigned.pathname + unsigned.search)).status).to.equal(400);
    expect((await follow(request('u-ada', '_s1', { pair: attacker }))).status).to.equal(400);
    expect((await follow(request('u-ada', '_s1', { at: other, binding: 'post' }))).status, 'elsewhere').to.equal(400);
    const used = request('u-eve', '_s1');
    expect((await follow(used)).status).to.equal(303);
    expect((await follow(used)).status, 'twice').to.equal(400);
    w.skew += 15 * 60_000;
    expect((await follow(old)).status, 'old').to.equal(400);
    w.skew = 0;
    expect(await living()).to.deep.equal([mine]);
  });

  it('SA-14: a NameID of another form, or another index, names somebody else', async () => {
    const mine = await session('u-ada', '_s1');
    await follow(request('u-ad', '_s1'));
    await follow(request('u-ada', '_s9'));
    expect(await living()).to.deep.equal([mine]);
  });

  it('FD-03: a disabled connection ends nothing', async () => {
    const d = await company(w);
    await w.api('PATCH', `/organizations/${d.org_id}/identity-providers/${d.provider.provider_id}`, { enabled: false });
    expect((await follow(request('u-ada', null, { at: d }))).status).to.equal(400);
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
      expect((await reply(request_id, relay_state, attacker)).status).to.equal(400);
      const answer = await reply(request_id, relay_state);
      expect([answer.status, answer.headers.get('location')]).to.deep.equal([303, '/signed-out']);
      expect((await reply(request_id, relay_state)).status, 'twice').to.equal(400);
    });

    it('takes no answer under another RelayState', async () => {
      const outgoing = await begin();
      const { request_id, relay_state } = readRequest(outgoing?.url ?? '');
      expect((await reply(request_id, hashSecret(relay_state))).status).to.equal(400);
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
    expect((await post(w, c.provider.sp.slo_url, {})).status).to.equal(400);
    expect((await post(w, c.provider.sp.slo_url, { SAMLRequest: 'a', SAMLResponse: 'a' })).status).to.equal(400);
    expect((await w.request(path, { headers: { accept: 'text/html' } })).status).to.equal(400);
    expect((await w.request(path, { method: 'PUT' })).status).to.equal(405);
  });
});
