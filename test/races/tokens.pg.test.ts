/**
 * What may be used once at the OpenID provider, used by two processes at the same moment (checklist OA-03, OA-04, OA-15, OA-21,
 * RT-01…03, RT-06). Over 300 lines because all of them race with the same chain of tokens.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { rotateSigningKeys } from '../../src/applications/keys/service.ts';
import {
  authorizationUrl,
  basic,
  Browser,
  exchange,
  introspect,
  makeApplication,
  makePerson,
  type Person,
  refresh,
  type RelyingParty,
  signIn,
  type Tokens,
  travel,
  verifierOf,
} from '../oidc/rp.ts';
import { repository } from '../support/process.ts';
import { race, type Result, rounds, severally, times } from './race.ts';
import { type Node, races, type Stage, unique } from './stage.ts';
import { pause } from '../support/waiting.ts';

races('codes and tokens', (stageOf) => {
  let client: RelyingParty;
  const bodyOf = ({ body }: { body: object }) => body as Tokens;

  before(async () => {
    client = await makeApplication(stageOf().w);
  });

  /** As rp.ts answers; races want the whole answer. */
  const token = (node: Node, rp: RelyingParty, form: Record<string, string>) =>
    node.request('/oauth/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: basic(rp) },
      body: new URLSearchParams(form).toString(),
    });
  const redeeming = (code: string, code_verifier: string) => (node: Node) =>
    token(node, client, {
      grant_type: 'authorization_code',
      code,
      code_verifier,
      redirect_uri: 'https://app.example/cb',
    });
  const rotating = (refresh_token: string | undefined) => (node: Node) =>
    token(node, client, { grant_type: 'refresh_token', refresh_token: refresh_token ?? '' });

  /** Whether both processes take it for alive; they must agree. */
  async function isActive({ nodes }: Stage, value: string | undefined): Promise<boolean> {
    const [a, b] = await Promise.all(nodes.map((node) => introspect(node, client, value ?? '')));
    expect(a?.active, 'both processes say the same').to.equal(b?.active);
    return a?.active === true;
  }

  async function expectDead(stage: Stage, tokens: Tokens, round: number): Promise<void> {
    expect(await isActive(stage, tokens.access_token), `access token, round ${round}`).to.equal(false);
    expect(await isActive(stage, tokens.refresh_token), `refresh token, round ${round}`).to.equal(false);
    const [, node] = stage.nodes;
    const again = await refresh(node, client, tokens.refresh_token ?? '');
    expect([again.status, again.body.error], `rotation, round ${round}`).to.deep.equal([400, 'invalid_grant']);
  }

  /** What there was before, and what the round gave besides. */
  async function expectAllDead(before: readonly Tokens[], results: readonly Result[], round: number): Promise<void> {
    const given = results.filter(({ outcome }) => outcome === '200').map(({ answer }) => bodyOf(answer));
    for (const tokens of [...before, ...given]) await expectDead(stageOf(), tokens, round);
  }

  /** Somebody of her own, signed in: what a round does to her grant is not felt by another. */
  async function chain(): Promise<{ person: Person; tokens: Tokens; session_id: string }> {
    const { w } = stageOf();
    const person = await makePerson(w);
    const { tokens, journey } = await signIn(
      w,
      client,
      person,
      { scope: 'openid offline_access', prompt: 'consent' },
      { consent: 'allow' },
    );
    return { person, tokens, session_id: journey.session_id ?? '' };
  }

  async function codeFor(): Promise<{ code: string; verifier: string }> {
    const { w } = stageOf();
    const person = await makePerson(w);
    const address = authorizationUrl(client);
    const { code } = await travel(w, new Browser(w), address, { login: { account_id: person.user_id } });
    return { code, verifier: verifierOf(address) };
  }

  it('OA-03, OA-04: of twelve redemptions of a code one succeeds, and everything that it gave is dead', () =>
    race(stageOf(), {
      prepare: codeFor,
      acts: ({ code, verifier }) => times(12, () => redeeming(code, verifier)),
      gives: { '200': 1, '400 invalid_grant': 11 },
      after: async (_, results, round) => expectAllDead([], results, round),
    }));

  it('OA-04: a code that comes again while its refresh token is rotated leaves nothing alive', () =>
    race(stageOf(), {
      prepare: async () => {
        const { w } = stageOf();
        const { code, verifier } = await codeFor();
        const { body } = await exchange(w, client, code, verifier);
        return { code, verifier, tokens: body };
      },
      acts: ({ code, verifier, tokens }) => [
        ...times(4, () => redeeming(code, verifier)),
        ...times(8, () => rotating(tokens.refresh_token)),
      ],
      gives: [{ '200': 1, '400 invalid_grant': 11 }, { '400 invalid_grant': 12 }],
      after: async ({ tokens }, results, round) => expectAllDead([tokens], results, round),
    }));

  it('RT-01, RT-03: of twelve rotations of a refresh token one succeeds, the losers revoke nothing, its successor works', () =>
    race(stageOf(), {
      prepare: chain,
      acts: ({ tokens }) => times(12, () => rotating(tokens.refresh_token)),
      gives: { '200': 1, '400 invalid_grant': 11 },
      after: async (_, results, round) => {
        const winner = bodyOf(results.find(({ outcome }) => outcome === '200')?.answer as { body: object });
        expect(await isActive(stageOf(), winner.access_token), `round ${round}`).to.equal(true);
        const next = await refresh(stageOf().nodes[round % 2] as Node, client, winner.refresh_token ?? '');
        expect(next.status, `successor, round ${round}`).to.equal(200);
      },
    }));

  it('RT-02: a reuse later than two seconds kills the family, the newest token too while it is being rotated', async () => {
    const stage = stageOf();
    const { w } = stage;
    const chains = await severally(
      times(rounds, (round) => round),
      8,
      async () => {
        const { tokens } = await chain();
        const second = await refresh(w, client, tokens.refresh_token ?? '');
        const third = await refresh(w, client, second.body.refresh_token ?? '');
        return { stolen: [tokens, second.body], newest: third.body };
      },
    );
    // One wait for all of them: by now each of the stolen ones was used more than two seconds ago.
    await pause(2200);
    await race(stage, {
      prepare: async (round) => chains[round] as (typeof chains)[number],
      acts: ({ stolen, newest }) => [
        ...times(6, () => rotating(newest.refresh_token)),
        ...times(6, (index) => rotating(stolen[index % 2]?.refresh_token)),
      ],
      gives: [{ '200': 1, '400 invalid_grant': 11 }, { '400 invalid_grant': 12 }],
      after: async ({ newest, stolen }, results, round) => expectAllDead([newest, ...stolen], results, round),
    });
  });

  /** Six rotations at the moment at which what they stand on ends. */
  const ending = <T extends { readonly tokens: Tokens }>(prepare: () => Promise<T>, end: (prepared: T) => string) =>
    race(stageOf(), {
      prepare,
      acts: (prepared) => [
        ...times(6, () => rotating(prepared.tokens.refresh_token)),
        (node) => node.api('DELETE', end(prepared)),
      ],
      gives: [
        { '204': 1, '200': 1, '400 invalid_grant': 5 },
        { '204': 1, '400 invalid_grant': 6 },
      ],
      after: async ({ tokens }, results, round) => expectAllDead([tokens], results, round),
    });

  it('RT-06, SE-06: what is issued while its session is revoked is dead with it', () =>
    ending(chain, ({ person, session_id }) => `/users/${person.user_id}/sessions/${session_id}`));

  it('OA-23: what is issued while consent is withdrawn is dead with it', () =>
    ending(
      async () => {
        const made = await chain();
        const consents = `/users/${made.person.user_id}/consents`;
        const { body } = await stageOf().w.api<{ items: { grant_id: string }[] }>('GET', consents);
        return { ...made, consent: `${consents}/${body.items[0]?.grant_id}` };
      },
      ({ consent }) => consent,
    ));

  it('RE-08, RT-07: a chain goes on whichever process is asked, and both refuse an application that is switched off', () =>
    race(stageOf(), {
      most: 3,
      prepare: async () => {
        const { w } = stageOf();
        const rp = await makeApplication(w);
        return { rp, tokens: (await signIn(w, rp, await makePerson(w))).tokens };
      },
      acts: ({ rp, tokens }) => [
        async (node) => {
          let last = await token(node, rp, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' });
          for (let turn = 0; turn < 6; turn += 1) {
            const { refresh_token = '' } = bodyOf(last);
            last = await token(stageOf().nodes[turn % 2] as Node, rp, { grant_type: 'refresh_token', refresh_token });
          }
          return last;
        },
      ],
      gives: { '200': 1 },
      after: async ({ rp }, results, round) => {
        const { refresh_token = '' } = bodyOf(results[0]?.answer as { body: object });
        await stageOf().nodes[0].api('PATCH', `/applications/${rp.client_id}`, { enabled: false });
        await pause(1000);
        for (const node of stageOf().nodes) {
          const late = await token(node, rp, { grant_type: 'refresh_token', refresh_token });
          expect(bodyOf(late).error, `round ${round}`).to.equal('invalid_client');
        }
      },
    }));

  it('TK-08, RE-18: three commands that rotate the signing keys at once, while tokens are issued, rotate once', async () => {
    const { w, nodes, environment } = stageOf();
    await rotateSigningKeys(w.app, true);
    const long = new Date(Date.now() - 2 * 24 * 3_600_000);
    await w.db('signing_keys').where({ state: 'next' }).update({ created_at: long });
    const command = () =>
      promisify(execFile)(process.execPath, ['src/cli.ts', 'keys', 'rotate', '--force'], {
        cwd: repository,
        env: { ...environment, PATH: process.env.PATH },
      });
    let rotated = false;
    const rotations = Promise.all(times(3, command)).finally(() => {
      rotated = true;
    });
    let { refresh_token = '' } = (await chain()).tokens;
    for (let turn = 0; !rotated; turn += 1) {
      const { status, body } = await refresh(nodes[turn % 2] as Node, client, refresh_token);
      expect(status, `turn ${turn}`).to.equal(200);
      ({ refresh_token = '' } = body);
    }
    const said = (await rotations).map(({ stdout }) => /^[A-Z]\w+ \w+/.exec(stdout)?.[0]);
    expect(said.sort()).to.deep.equal(['No key', 'No key', 'Now signing']);
    const keys = await w.db('signing_keys').select('alg', 'state');
    const states = keys.map(({ alg, state }: { alg: string; state: string }) => `${alg} ${state}`).sort();
    expect(states).to.deep.equal(
      ['ES256', 'RS256'].flatMap((alg) => [`${alg} current`, `${alg} next`, `${alg} retired`]),
    );
  });

  it('OA-15: of twelve uses of a pushed request one gets a code', async () => {
    const { w } = stageOf();
    const person = await makePerson(w);
    const browser = new Browser(w);
    await travel(w, browser, authorizationUrl(client), { login: { account_id: person.user_id } });
    const cookie = browser.cookieFor('/oauth/authorize');
    await race(stageOf(), {
      prepare: async () => {
        const pushed = await w.request('/oauth/par', {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: basic(client) },
          body: new URL(authorizationUrl(client), w.url).search.slice(1),
        });
        return new URLSearchParams({ client_id: client.client_id, request_uri: String(pushed.body.request_uri) });
      },
      acts: (query) => times(12, () => (node) => node.request(`/oauth/authorize?${query}`, { headers: { cookie } })),
      // Who comes while it is being used is told at the application; who comes later, on a page of ours.
      outcome: ({ headers, text }) => {
        const location = headers.get('location');
        const back = location === null ? null : new URL(location, w.url).searchParams;
        return back?.has('code') ? 'code' : (back?.get('error') ?? /invalid_request_uri/.exec(text)?.[0] ?? text);
      },
      gives: { code: 1, invalid_request_uri: 11 },
    });
  });

  it('OA-21: of twelve uses of a client assertion one succeeds', async () => {
    const { w } = stageOf();
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const machine = await makeApplication(w, {
      grant_types: ['client_credentials'],
      redirect_uris: [],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] },
    });
    await race(stageOf(), {
      prepare: () =>
        new SignJWT({ jti: unique() })
          .setProtectedHeader({ alg: 'ES256' })
          .setIssuer(machine.client_id)
          .setSubject(machine.client_id)
          .setAudience(w.url)
          .setIssuedAt()
          .setExpirationTime('1m')
          .sign(privateKey),
      acts: (client_assertion) =>
        times(
          12,
          () => (node) =>
            node.request('/oauth/token', {
              method: 'POST',
              headers: { 'content-type': 'application/x-www-form-urlencoded' },
              body: new URLSearchParams({
                grant_type: 'client_credentials',
                client_assertion,
                client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
              }).toString(),
            }),
        ),
      gives: { '200': 1, '401 invalid_client': 11 },
    });
  });

  it('two tabs that sign in to the same application at once end with one grant', () =>
    race(stageOf(), {
      most: 12,
      prepare: async () => {
        const { w } = stageOf();
        const person = await makePerson(w);
        const session = async () => {
          const browser = new Browser(w);
          const other = await makeApplication(w);
          await travel(w, browser, authorizationUrl(other), { login: { account_id: person.user_id } });
          return browser.cookieFor('/oauth/authorize');
        };
        return { person, rp: await makeApplication(w), cookies: [await session(), await session(), await session()] };
      },
      acts: ({ rp, cookies }) =>
        cookies.flatMap((cookie) =>
          times(2, () => (node: Node) => node.request(authorizationUrl(rp), { headers: { cookie } })),
        ),
      outcome: ({ status, headers }) => `${status}${/[?&]code=/.test(headers.get('location') ?? '') ? ' code' : ''}`,
      gives: { '303 code': 6 },
      after: async ({ person, rp }) => {
        const { w } = stageOf();
        expect(await w.db('oidc_grants').where({ user_id: person.user_id, client_id: rp.client_id })).to.have.length(1);
      },
    }));
});
