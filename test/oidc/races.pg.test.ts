/** What one connection cannot show: many requests at the same moment (checklist OA-03, OA-04, OA-21, RT-01, RT-02). */
import { expect } from 'chai';
import { generateKeyPair, exportJWK, SignJWT } from 'jose';
import { request } from 'undici';
import { createLintel } from '../../src/app.ts';
import { connect } from '../../src/db/connect.ts';
import { serve } from '../../src/main.ts';
import { onPostgres, testDatabaseAddress } from '../support/database.ts';
import type { World } from '../support/world.ts';
import {
  authorizationUrl,
  basic,
  Browser,
  exchange,
  introspect,
  makeApplication,
  makePerson,
  oidcWorld,
  type Person,
  type RelyingParty,
  redirectUri,
  refresh,
  signIn,
  type Tokens,
  travel,
  verifierOf,
  wait,
} from './rp.ts';

const parallel = 12;
const rounds = Number(process.env.LINTEL_TEST_ROUNDS ?? 15);

const times = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

/** Another process on the same database, as far as anybody can tell: its own caches, its own port behind the same address. */
async function secondNode(w: World) {
  const database = await connect(await testDatabaseAddress(), { pool: 10 });
  const lintel = await createLintel(w.config, database, { withoutJobs: true, logTo: { write: () => {} } });
  const server = serve(lintel);
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const there = `http://localhost:${(server.address() as { port: number }).port}`;
  return {
    async token(
      rp: RelyingParty,
      form: Record<string, string>,
      elsewhere: boolean,
    ): Promise<{ status: number; body: Tokens }> {
      const answer = await request(`${elsewhere ? there : w.url}/oauth/token`, {
        method: 'POST',
        headers: {
          host: new URL(w.url).host,
          authorization: basic(rp),
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams(form).toString(),
      });
      return { status: answer.statusCode, body: (await answer.body.json()) as Tokens };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await lintel.close();
      await database.close();
    },
  };
}

describe('oidc: races', function () {
  let w: World;
  let client: RelyingParty;
  let person: Person;

  before(async function () {
    if (!onPostgres) return this.skip();
    w = await oidcWorld();
    client = await makeApplication(w);
    person = await makePerson(w, ['Acme']);
  });
  after(async () => w?.close());

  const isActive = async (token: string | undefined) => (await introspect(w, client, token ?? '')).active === true;

  it('OA-03, OA-04: of twelve redemptions of a code one succeeds, and what it got is dead', async () => {
    const browser = new Browser(w);
    for (let round = 0; round < rounds; round += 1) {
      const address = authorizationUrl(client);
      const { code } = await travel(w, browser, address, { login: { account_id: person.user_id } });
      const answers = await times(parallel, () => exchange(w, client, code, verifierOf(address)));
      const good = answers.filter(({ status }) => status === 200);
      expect(good, `round ${round}`).to.have.length(1);
      for (const { body } of answers.filter(({ status }) => status !== 200))
        expect(body.error).to.equal('invalid_grant');
      const body = good[0]?.body as Tokens;
      expect(await isActive(body.access_token), `access token, round ${round}`).to.equal(false);
      expect(await isActive(body.refresh_token), `refresh token, round ${round}`).to.equal(false);
      expect((await refresh(w, client, body.refresh_token as string)).body.error).to.equal('invalid_grant');
    }
  });

  it('RT-01, RT-03: of twelve rotations of a refresh token one succeeds, and its successor works', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { tokens } = await signIn(w, client, person);
      const answers = await times(parallel, () => refresh(w, client, tokens.refresh_token as string));
      const good = answers.filter(({ status }) => status === 200);
      expect(good, `round ${round}`).to.have.length(1);
      for (const { body } of answers.filter(({ status }) => status !== 200))
        expect(body.error).to.equal('invalid_grant');
      const successor = good[0]?.body as Tokens;
      expect(await isActive(successor.access_token), `round ${round}`).to.equal(true);
      expect((await refresh(w, client, successor.refresh_token as string)).status, `round ${round}`).to.equal(200);
    }
  });

  it('RT-02: a late reuse kills the newest token even while that one is being rotated', async () => {
    const chains = await times(rounds, async () => {
      const { tokens } = await signIn(w, client, person);
      const second = await refresh(w, client, tokens.refresh_token as string);
      return { stolen: tokens.refresh_token as string, newest: second.body.refresh_token as string };
    });
    await wait(2100);
    for (const [round, { stolen, newest }] of chains.entries()) {
      const [rotated, reused] = await Promise.all([refresh(w, client, newest), refresh(w, client, stolen)]);
      expect(reused.body.error).to.equal('invalid_grant');
      for (const token of [newest, rotated.body.refresh_token, rotated.body.access_token]) {
        if (token) expect(await isActive(token), `round ${round}`).to.equal(false);
      }
      if (rotated.body.refresh_token) {
        expect((await refresh(w, client, rotated.body.refresh_token)).body.error, `round ${round}`).to.equal(
          'invalid_grant',
        );
      }
    }
  });

  it('RT-06: what is issued while a session is revoked is dead with it', async () => {
    const { endTokens } = await import('../../src/applications/tokens/service.ts');
    for (let round = 0; round < rounds; round += 1) {
      const { tokens, journey } = await signIn(
        w,
        client,
        person,
        { scope: 'openid offline_access', prompt: 'consent' },
        { consent: 'allow' },
      );
      const [answer] = await Promise.all([
        refresh(w, client, tokens.refresh_token as string),
        endTokens(w.call(), { session_ids: [journey.session_id as string] }),
      ]);
      // Either the rotation came first and its tokens are dead, or it came second and was refused.
      if (answer.status === 200) expect(await isActive(answer.body.refresh_token), `round ${round}`).to.equal(false);
      else expect(answer.body.error).to.equal('invalid_grant');
    }
  });

  it('OA-15: of twelve uses of a pushed request one gets a code', async () => {
    const browser = new Browser(w);
    await travel(w, browser, authorizationUrl(client), { login: { account_id: person.user_id } });
    for (let round = 0; round < rounds; round += 1) {
      const query = new URL(authorizationUrl(client), w.url).searchParams;
      const pushed = await w.request('/oauth/par', {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`,
        },
        body: query.toString(),
      });
      expect(pushed.status).to.equal(201);
      const address = `/oauth/authorize?${new URLSearchParams({ client_id: client.client_id, request_uri: String(pushed.body.request_uri) })}`;
      const ends = await times(parallel, () => travel(w, browser.copy(), address, {}));
      expect(
        ends.filter(({ code }) => code !== ''),
        `round ${round}`,
      ).to.have.length(1);
    }
  });

  it('OA-21: of twelve uses of a client assertion one succeeds', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const machine = await makeApplication(w, {
      grant_types: ['client_credentials'],
      redirect_uris: [],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] },
    });
    for (let round = 0; round < rounds; round += 1) {
      const assertion = await new SignJWT({ jti: `round-${round}` })
        .setProtectedHeader({ alg: 'ES256' })
        .setIssuer(machine.client_id)
        .setSubject(machine.client_id)
        .setAudience(w.url)
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(privateKey);
      const answers = await times(parallel, () =>
        w.request('/oauth/token', {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams({
            grant_type: 'client_credentials',
            client_assertion: assertion,
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          }).toString(),
        }),
      );
      expect(
        answers.filter(({ status }) => status === 200),
        `round ${round}`,
      ).to.have.length(1);
      for (const { status, body } of answers.filter((answer) => answer.status !== 200)) {
        expect([status, body.error]).to.deep.equal([401, 'invalid_client']);
      }
    }
  });

  it('OA-03, RE-08, RT-07: two processes share everything: every other request goes to the other', async () => {
    const node = await secondNode(w);
    try {
      for (let round = 0; round < rounds; round += 1) {
        const address = authorizationUrl(client);
        const { code } = await travel(w, new Browser(w), address, { login: { account_id: person.user_id } });
        const form = {
          grant_type: 'authorization_code',
          code,
          code_verifier: verifierOf(address),
          redirect_uri: redirectUri,
        };
        const answers = await times(parallel, (index) => node.token(client, form, index % 2 === 0));
        expect(
          answers.filter(({ status }) => status === 200),
          `round ${round}`,
        ).to.have.length(1);
      }
      let { refresh_token } = (await signIn(w, client, person)).tokens;
      for (let turn = 0; turn < 6; turn += 1) {
        const { status, body } = await node.token(
          client,
          { grant_type: 'refresh_token', refresh_token: refresh_token as string },
          turn % 2 === 0,
        );
        expect(status, `turn ${turn}`).to.equal(200);
        ({ refresh_token } = body);
      }
      const rp = await makeApplication(w);
      const machineForm = { grant_type: 'refresh_token', refresh_token: 'x' };
      expect((await node.token(rp, machineForm, true)).body.error).to.equal('invalid_grant');
      await w.api('PATCH', `/applications/${rp.client_id}`, { enabled: false });
      await wait(1000);
      for (const elsewhere of [true, false])
        expect((await node.token(rp, machineForm, elsewhere)).body.error).to.equal('invalid_client');
    } finally {
      await node.close();
    }
  });

  it('two tabs that sign in to the same application end with one grant', async () => {
    const twins = await makePerson(w, ['Beta']);
    const fresh = await makeApplication(w);
    await times(6, () => signIn(w, fresh, twins, { redirect_uri: redirectUri }));
    const grants = await w.db('oidc_grants').where({ user_id: twins.user_id, client_id: fresh.client_id });
    expect(grants).to.have.length(1);
  });
});
