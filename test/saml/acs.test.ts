/**
 * The assertion consumer service as browsers, identity providers and attackers meet it. Over 300 lines because it follows one
 * browser through every way in which a response can arrive.
 */
import { expect } from 'chai';
import { hashSecret } from '../../src/core/secret.ts';
import type { SigninStart } from '../../src/federation/exchanges/begin.ts';
import { redeemHandoff } from '../../src/federation/exchanges/handoffs.ts';
import { expireExchanges } from '../../src/federation/exchanges/service.ts';
import {
  type Company,
  codeOf,
  company,
  latestTrace,
  post,
  referenceOf,
  response,
  signIn,
  start,
} from '../federation/company.ts';
import { samlKeys } from '../../src/federation/keys/service.ts';
import { enc } from '../support/saml/encrypt.ts';
import { keys } from '../support/saml/keys.ts';
import { attribute, type MessageOptions } from '../support/saml/messages.ts';
import { uri } from '../support/saml/sign.ts';
import { type World, world } from '../support/world.ts';

describe('saml/acs', () => {
  let w: World;
  let c: Company;

  before(async () => {
    w = await world();
    c = await company(w, { auto_provision: true });
  });
  after(() => w.close());

  const ada = { subject: 'u-ada', email: '', first_name: 'Ada', last_name: 'Lovelace' };
  const person = () => ({ ...ada, email: `ada@${c.domain}` });

  /** The code of the trace behind the reference on the page, which must not say it itself. */
  async function refused(wrong: MessageOptions, fields: Record<string, string> = {}): Promise<string> {
    const started = await start(w, c.provider.provider_id);
    const field = response(w, c, started, person(), wrong);
    const form = { SAMLResponse: field, RelayState: started.relay_state, ...fields };
    const answer = await post(w, c.provider.sp.acs_url, form);
    return codeBehind(answer.status, answer.text, referenceOf(answer));
  }

  async function codeBehind(status: number, text: string, reference: string | null): Promise<string> {
    expect(status, 'status').to.be.within(400, 403);
    const trace = await w.api<{ code: string; result: string }>(
      'GET',
      `/organizations/${c.org_id}/signin-traces/${reference}`,
    );
    expect(trace.status, 'a trace under the reference').to.equal(200);
    expect(trace.body.result).to.equal('denied');
    expect(text, 'SA-16: the visitor is not told why').not.to.include(trace.body.code);
    return trace.body.code;
  }

  it('sends a good response on into the sign-in that asked, with a code that is good once and only there', async () => {
    const { answer, started, code } = await signIn(w, c, person());
    expect(answer.status).to.equal(303);
    expect(answer.headers.get('location')).to.match(/^\/signin\/abcdefghijklmnopqrstu\/federated\?code=[\w-]{43}$/);
    expect(answer.headers.get('set-cookie')).to.equal(null);
    const login = await redeemHandoff(w.call(), code ?? '', { attempt_id: started.attempt_id });
    expect(login).to.deep.include({
      provider_id: c.provider.provider_id,
      org_id: c.org_id,
      outcome: 'created',
      authn_context: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
      idp_session_index: '_s1',
      not_after: null,
    });
    expect(JSON.parse(login?.name_id ?? '')).to.deep.include({ name_id: 'u-ada', name_qualifier: null });
    expect(login?.auth_time.getTime()).to.be.closeTo(w.app.clock().getTime() - 5000, 5000);
    expect(await redeemHandoff(w.call(), code ?? '', { attempt_id: started.attempt_id }), 'twice').to.equal(null);
  });

  it('SE-01, WB-02: a code is worth nothing in another sign-in, and dead after the try', async () => {
    const { started, code } = await signIn(w, c, person());
    const other = await start(w, c.provider.provider_id);
    expect(await redeemHandoff(w.call(), code ?? '', { attempt_id: other.attempt_id })).to.equal(null);
    expect(await redeemHandoff(w.call(), code ?? '', { attempt_id: started.attempt_id })).to.equal(null);
  });

  it('FD-05, WB-02: where a sign-in is bound to more of a browser than its cookie, a code is worth nothing without it', async () => {
    const browser_hash = hashSecret('the browser');
    for (const given of [null, hashSecret('another browser')]) {
      const started = await start(w, c.provider.provider_id, { browser_hash });
      const { attempt_id } = started;
      const fields = { SAMLResponse: response(w, c, started, person()), RelayState: started.relay_state };
      const code = codeOf(await post(w, c.provider.sp.acs_url, fields)) ?? '';
      expect(code).to.have.length(43);
      expect(await redeemHandoff(w.call(), code, { attempt_id, browser_hash: given })).to.equal(null);
      expect(await redeemHandoff(w.call(), code, { attempt_id, browser_hash }), 'dead after the try').to.equal(null);
    }
    const started = await start(w, c.provider.provider_id, { browser_hash });
    const fields = { SAMLResponse: response(w, c, started, person()), RelayState: started.relay_state };
    const code = codeOf(await post(w, c.provider.sp.acs_url, fields)) ?? '';
    const login = await redeemHandoff(w.call(), code, { attempt_id: started.attempt_id, browser_hash });
    expect(login).to.include({ provider_id: c.provider.provider_id });
  });

  it('a code is good for 60 seconds', async () => {
    const { started, code } = await signIn(w, c, person());
    w.skew += 61_000;
    expect(await redeemHandoff(w.call(), code ?? '', { attempt_id: started.attempt_id })).to.equal(null);
  });

  it('keeps codes, RelayState and the way back only hashed or sealed', async () => {
    const { started, code } = await signIn(w, c, person());
    const open = await start(w, c.provider.provider_id);
    const kept = JSON.stringify([await w.db('federation_handoffs'), await w.db('saml_requests')]);
    expect(kept).not.to.include(code ?? 'no code');
    expect(kept).not.to.include(open.relay_state);
    expect(kept).not.to.include('abcdefghijklmnopqrstu');
    expect(kept).not.to.include('u-ada');
    expect(started.relay_state).to.have.length(43);
  });

  it('SA-07: the same response is good once', async () => {
    const { started, field } = await signIn(w, c, person());
    const again = await post(w, c.provider.sp.acs_url, { SAMLResponse: field, RelayState: started.relay_state });
    expect(await codeBehind(again.status, again.text, referenceOf(again))).to.equal('replayed');
    const bare = await post(w, c.provider.sp.acs_url, { SAMLResponse: field });
    expect(await codeBehind(bare.status, bare.text, referenceOf(bare))).to.equal('replayed');
  });

  it('SA-07: an assertion is not forgotten while it could still be believed', async () => {
    const d = await company(w, { auto_provision: true, config: { idp_initiated: 'accept' } });
    const soon = new Date(w.app.clock().getTime() + 60_000).toISOString();
    const short = { notOnOrAfter: soon, confirmationNotOnOrAfter: soon };
    const field = response(w, d, null, { subject: 'u-1', email: `p@${d.domain}` }, short);
    const sent = async () => {
      await expireExchanges(w.app);
      await post(w, d.provider.sp.acs_url, { SAMLResponse: field });
      return (await latestTrace(w, d.org_id)).code;
    };
    try {
      expect(await sent()).to.equal(null);
      for (const [later, code] of [
        [60_000, 'replayed'],
        [170_000, 'replayed'],
        [15_000, 'expired'],
      ] as const) {
        w.skew += later;
        expect(await sent(), `after ${later} ms more`).to.equal(code);
      }
    } finally {
      w.skew = 0;
    }
  });

  it('SA-08: a response that nobody asked for is refused', async () => {
    expect(await refused({ inResponseTo: null }, { RelayState: 'https://evil.example/' })).to.equal('unsolicited');
    expect(await refused({ inResponseTo: '_somebody-else-asked' })).to.equal('in_response_to');
  });

  it('SA-08, FD-05: a request belongs to its RelayState', async () => {
    const mine = await start(w, c.provider.provider_id);
    const theirs = await start(w, c.provider.provider_id);
    // The attacker's response, slipped into the victim's browser under the victim's own RelayState, and the other way round.
    const field = response(w, c, theirs, person());
    const answer = await post(w, c.provider.sp.acs_url, { SAMLResponse: field, RelayState: mine.relay_state });
    expect(await codeBehind(answer.status, answer.text, referenceOf(answer))).to.equal('in_response_to');
    const without = await post(w, c.provider.sp.acs_url, { SAMLResponse: response(w, c, theirs, person()) });
    expect(await codeBehind(without.status, without.text, referenceOf(without))).to.equal('relay_state');
    for (const RelayState of ['made up', 'https://evil.example/', 'x'.repeat(10_000), '\u6f22'.repeat(80)]) {
      const started = await start(w, c.provider.provider_id);
      const other = await post(w, c.provider.sp.acs_url, {
        SAMLResponse: response(w, c, started, person()),
        RelayState,
      });
      expect(await codeBehind(other.status, other.text, referenceOf(other))).to.equal('relay_state');
    }
  });

  it('a request is answered within ten minutes', async () => {
    const started = await start(w, c.provider.provider_id);
    w.skew += 601_000;
    const answer = await post(w, c.provider.sp.acs_url, {
      SAMLResponse: response(w, c, started, person()),
      RelayState: started.relay_state,
    });
    expect(await codeBehind(answer.status, answer.text, referenceOf(answer))).to.equal('request.unknown');
  });

  it('SA-01…06: forged, expired, foreign and incomplete responses are refused, each with its code', async () => {
    const attacker = { privateKey: keys.attacker().privateKey, certificate: keys.attacker().certificate };
    const long = new Date(w.app.clock().getTime() - 3_600_000).toISOString();
    expect(await refused({ sign: 'none' })).to.equal('signature.missing');
    expect(await refused({ assertionSignature: attacker })).to.equal('signature.invalid');
    expect(await refused({ tamperAssertion: (xml) => xml.replace('u-ada', 'u-eve') })).to.equal('signature.digest');
    expect(await refused({ assertionSignature: { method: uri.rsaSha1 } })).to.equal('signature.algorithm');
    expect(await refused({ audience: 'https://other.example' })).to.equal('audience');
    expect(await refused({ recipient: 'https://other.example' })).to.equal('recipient');
    expect(await refused({ destination: 'https://other.example' })).to.equal('destination');
    expect(await refused({ issuer: 'https://other.example' })).to.equal('issuer');
    expect(await refused({ notOnOrAfter: long })).to.equal('expired');
    expect(await refused({ conditions: null })).to.equal('conditions');
    expect(await refused({ nameId: '<saml:NameID>u-a<!-- -->da</saml:NameID>' })).to.equal('message.comment');
    expect(await refused({}, { SAMLResponse: 'no base64 at all!' })).to.equal('message.encoding');
    expect(await refused({}, { SAMLResponse: Buffer.from('<x/>').toString('base64') })).to.equal('message.namespace');
  });

  it('SA-04, SA-05, SA-06: what a connection or a sign-in asks for is asked of each message', async () => {
    const [ours] = (await samlKeys(w.app)).encryption;
    const x509 = 'urn:oasis:names:tc:SAML:2.0:ac:classes:X509';
    const hour = new Date(w.app.clock().getTime() - 3_600_000).toISOString();
    const cases: [string, object, Partial<SigninStart>, MessageOptions, MessageOptions][] = [
      ['signature.policy', { want_response_signed: true }, {}, { sign: 'assertion' }, { sign: 'both' }],
      ['signature.policy', { want_assertion_signed: true }, {}, { sign: 'response' }, { sign: 'both' }],
      ['encrypted.required', { want_encrypted: true }, {}, {}, { encrypt: { certificate: ours?.certificate ?? '' } }],
      ['authn_instant', { force_authn: true }, {}, { authnInstant: hour }, {}],
      ['authn_instant', {}, { force_authn: true }, { authnInstant: hour }, {}],
      ['authn_context', { requested_contexts: [x509] }, {}, {}, { classRef: x509 }],
      ['authn_context', {}, { requested_context: [x509] }, {}, { classRef: x509 }],
      [
        'subject',
        { subject_attribute: 'employee' },
        {},
        {},
        { attributes: `<saml:AttributeStatement>${attribute('employee', ['E-1'])}</saml:AttributeStatement>` },
      ],
    ];
    for (const [code, config, asked, wrong, right] of cases) {
      const d = await company(w, { auto_provision: true, config });
      const told = `${code} ${JSON.stringify(config)}`;
      const sent = async (message: MessageOptions) => {
        const started = await start(w, d.provider.provider_id, asked);
        const SAMLResponse = response(
          w,
          d,
          started,
          { subject: 'u-1', email: `p@${d.domain}`, username: 'p' },
          message,
        );
        return post(w, d.provider.sp.acs_url, { SAMLResponse, RelayState: started.relay_state });
      };
      expect(codeOf(await sent(wrong)), told).to.equal(null);
      expect((await latestTrace(w, d.org_id)).code, told).to.equal(code);
      const accepted = await sent(right);
      const { code: why } = await latestTrace(w, d.org_id);
      // An attribute statement that names the subject and nobody's address makes no account.
      if (code === 'subject') expect(why).to.equal('account.incomplete');
      else expect([codeOf(accepted)?.length, why], told).to.deep.equal([43, null]);
    }
  });

  it('SA-04, SA-12: a certificate signs from when it is added until it is retired, at this connection only', async () => {
    const d = await company(w, { auto_provision: true });
    const path = `/organizations/${d.org_id}/identity-providers/${d.provider.provider_id}/certificates`;
    const next = { assertionSignature: { privateKey: keys.idpNext().privateKey } };
    const sent = async (message: MessageOptions, at = d) => {
      const person = { subject: 'u-1', email: `p@${at.domain}` };
      return (await signIn(w, at, person, message)).code === null ? (await latestTrace(w, at.org_id)).code : 'in';
    };
    expect(await sent(next), 'before').to.equal('signature.invalid');
    const { body } = await w.api<{ certificate_id: string }>('POST', path, { pem: keys.idpNext().certificate });
    expect([await sent(next), await sent({}), await sent(next, c)]).to.deep.equal(['in', 'in', 'signature.invalid']);
    expect((await w.api('DELETE', `${path}/${body.certificate_id}`)).status).to.equal(204);
    expect([await sent(next), await sent({})], 'after').to.deep.equal(['signature.invalid', 'in']);
  });

  it('SA-04: a response for one connection is worth nothing at another, with the same identity provider', async () => {
    const other = await company(w, { auto_provision: true });
    const here = await start(w, c.provider.provider_id);
    const there = await start(w, other.provider.provider_id);
    const theirs = response(w, other, there, person());
    const answer = await post(w, c.provider.sp.acs_url, { SAMLResponse: theirs, RelayState: here.relay_state });
    expect(await codeBehind(answer.status, answer.text, referenceOf(answer))).to.equal('destination');
    const bare = await post(w, c.provider.sp.acs_url, { SAMLResponse: theirs, RelayState: there.relay_state });
    expect(await codeBehind(bare.status, bare.text, referenceOf(bare))).to.equal('destination');
    // The other one's request is still open: nothing was consumed.
    const good = await post(w, other.provider.sp.acs_url, { SAMLResponse: theirs, RelayState: there.relay_state });
    expect(codeOf(good)).to.have.length(43);
  });

  it('an answer of no keeps the request open, and shows a page without the reason', async () => {
    const started = await start(w, c.provider.provider_id);
    const no = response(w, c, started, person(), {
      status: '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"/>',
    });
    const answer = await post(w, c.provider.sp.acs_url, { SAMLResponse: no, RelayState: started.relay_state });
    expect(answer.status).to.equal(403);
    expect(answer.text).to.include('/signin/abcdefghijklmnopqrstu/federated');
    expect((await latestTrace(w, c.org_id)).code).to.equal('status');
    const yes = await post(w, c.provider.sp.acs_url, {
      SAMLResponse: response(w, c, started, person()),
      RelayState: started.relay_state,
    });
    expect(yes.status).to.equal(303);
  });

  it('FD-03: refused at a disabled connection, also when the sign-in began before', async () => {
    const d = await company(w, { auto_provision: true });
    const path = `/organizations/${d.org_id}/identity-providers/${d.provider.provider_id}`;
    const started = await start(w, d.provider.provider_id);
    const early = await signIn(w, d, { subject: 'u-1', email: `eve@${d.domain}` });
    expect((await w.api('PATCH', path, { enabled: false })).status).to.equal(200);
    const answer = await post(w, d.provider.sp.acs_url, {
      SAMLResponse: response(w, d, started, { subject: 'u-1' }),
      RelayState: started.relay_state,
    });
    expect(answer.status).to.equal(403);
    expect((await latestTrace(w, d.org_id)).code).to.equal('connection.closed');
    const late = await redeemHandoff(w.call(), early.code ?? '', { attempt_id: early.started.attempt_id });
    expect(late, 'a hand-off from before').to.equal(null);
    const begun = await start(w, d.provider.provider_id).catch((error: { code: string }) => error.code);
    expect(begun).to.equal('connection_unavailable');
  });

  it('FD-03: refused for a suspended organization, and where signing in by SAML is switched off', async () => {
    const d = await company(w, { auto_provision: true });
    const answerTo = async () => {
      const answer = await post(w, d.provider.sp.acs_url, { SAMLResponse: response(w, d, null, {}) });
      expect(answer.status).to.equal(403);
      return (await latestTrace(w, d.org_id)).code;
    };
    await w.api('PUT', `/organizations/${d.org_id}/login-methods/saml`, { enabled: false });
    expect(await answerTo()).to.equal('connection.closed');
    await w.api('PUT', `/organizations/${d.org_id}/login-methods/saml`, { enabled: true });
    await w.db('organizations').where({ org_id: d.org_id }).update({ status: 'suspended' });
    expect(await answerTo()).to.equal('organization.inactive');
  });

  it('reads forms strictly, and nothing but forms', async () => {
    const path = new URL(c.provider.sp.acs_url).pathname;
    const body = (text: string, type = 'application/x-www-form-urlencoded') =>
      w.request(path, { method: 'POST', headers: { 'content-type': type, accept: 'application/json' }, body: text });
    expect((await body('SAMLResponse=a&SAMLResponse=b')).body.code).to.equal('request_invalid');
    expect((await body('SAMLResponse[]=a')).body.code).to.equal('request_invalid');
    expect((await body('RelayState=a')).body.code).to.equal('request_invalid');
    expect((await body('{"SAMLResponse":"a"}', 'application/json')).body.code).to.equal('media_type_unsupported');
    expect((await body(`SAMLResponse=${'A'.repeat(520 * 1024)}`)).status).to.equal(413);
    const get = await w.request(`${path}?SAMLResponse=abc`, { headers: { accept: 'application/json' } });
    expect([get.status, get.headers.get('allow')]).to.deep.equal([405, 'POST']);
    expect((await post(w, `${w.url}/saml/not-a-uuid/acs`, { SAMLResponse: 'a' })).status).to.equal(404);
    expect(
      (await post(w, `${w.url}/saml/01900000-0000-7000-8000-000000000000/acs`, { SAMLResponse: 'a' })).status,
    ).to.equal(404);
  });

  it('SA-10: a message of more than 256 KiB is refused by its size', async () => {
    expect(await refused({}, { SAMLResponse: Buffer.alloc(300 * 1024, 'a').toString('base64') })).to.equal(
      'message.too_large',
    );
  });

  it('SA-05: reads encrypted assertions with the published keys, current and next', async () => {
    const [current] = await w.db('saml_keys').where({ key_use: 'encryption', state: 'current' });
    const encrypt = { certificate: current.certificate_pem as string };
    expect((await signIn(w, c, person(), { encrypt })).answer.status).to.equal(303);
    const [next] = await w.db('saml_keys').where({ key_use: 'encryption', state: 'next' });
    const forNext = { encrypt: { certificate: next.certificate_pem as string } };
    expect((await signIn(w, c, person(), forNext)).answer.status).to.equal(303);
    expect(await refused({ encrypt: { certificate: keys.attacker().certificate } })).to.equal('encrypted');
  });

  it('SA-05: reads AES-CBC only where the connection says so, and then bears twenty failures an hour', async () => {
    const encrypt = async () => {
      const row = await w.db('saml_keys').where({ key_use: 'encryption', state: 'current' }).first();
      return { certificate: row.certificate_pem as string, content: enc.aes256Cbc };
    };
    expect(await refused({ encrypt: await encrypt() })).to.equal('encrypted.cbc');
    const d = await company(w, { auto_provision: true, config: { allow_cbc: true } });
    const eve = { subject: 'u-1', email: `p@${d.domain}` };
    const good = async () => (await signIn(w, d, eve, { encrypt: await encrypt() })).answer.status;
    const broken = async () => {
      // The highest bit of the byte that says how long the padding is: whatever it was, it is longer than a block now.
      const tamperCiphertext = (bytes: Buffer) =>
        Buffer.from(bytes.map((byte, at) => (at === bytes.length - 17 ? byte ^ 0x80 : byte)));
      await signIn(w, d, eve, { encrypt: { ...(await encrypt()), tamperCiphertext } });
      return (await latestTrace(w, d.org_id)).code;
    };
    expect(await good()).to.equal(303);
    expect(await broken()).to.equal('encrypted');
    expect(
      await w.db('rate_limit_counters').where({ subject_key: d.provider.provider_id, count: 1 }),
    ).not.to.deep.equal([]);
    await w.db('rate_limit_counters').where({ subject_key: d.provider.provider_id }).update({ count: 20 });
    expect(await broken(), 'no oracle any more').to.equal('encrypted.cbc');
    expect(await good(), 'nor for anybody else').to.equal(400);
    w.skew += 3_600_000;
    expect(await good()).to.equal(303);
    w.skew = 0;
  });

  it('takes what is longer than anybody needs, where the standard allows it', async () => {
    const long = 'x'.repeat(3000);
    const named = (text: string, more = '') => ({
      nameId: `<saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"${more}>${text}</saml:NameID>`,
    });
    const wrong = { assertionId: `_${long}`, ...named('u-long', ` NameQualifier="${long}${long}"`) };
    const { answer, code, started, field } = await signIn(w, c, { email: `long@${c.domain}` }, wrong);
    expect(answer.status).to.equal(303);
    expect((await redeemHandoff(w.call(), code ?? '', { attempt_id: started.attempt_id }))?.name_id).to.equal(null);
    const again = await post(w, c.provider.sp.acs_url, { SAMLResponse: field });
    expect(await codeBehind(again.status, again.text, referenceOf(again))).to.equal('replayed');
    expect(await refused(named('\u6f22'.repeat(1000)))).to.equal('subject');
  });

  it('SD-06: no XML, NameID, address or code reaches the log, and no value of an attribute the trace', async () => {
    const secretive = { subject: 'subject-canary', email: `mail-canary@${c.domain}`, first_name: 'Name-canary' };
    const { code, field } = await signIn(w, c, secretive);
    await signIn(w, c, secretive, { sign: 'none' });
    const log = w.logLines.join('\n');
    for (const canary of ['subject-canary', 'mail-canary', 'Name-canary', code ?? '', field.slice(0, 60)]) {
      expect(log).not.to.include(canary);
    }
    const traces = JSON.stringify(await w.db('federation_attempts'));
    for (const canary of ['subject-canary', 'mail-canary', 'Name-canary']) expect(traces).not.to.include(canary);
  });
});
