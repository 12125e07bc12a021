/** The token endpoint: codes, and what it answers (checklist OA, TK). */
import { expect } from 'chai';
import type { World } from '../support/world.ts';
import {
  age,
  type AuthorizationOptions,
  authorizationUrl,
  Browser,
  exchange,
  introspect,
  makeApplication,
  makePerson,
  oidcWorld,
  payloadOf,
  type Person,
  type RelyingParty,
  refresh,
  signIn,
  travel,
  userinfo,
  verifierOf,
} from './rp.ts';

describe('oidc: tokens', () => {
  let w: World;
  let client: RelyingParty;
  let person: Person & { orgs: string[] };

  before(async () => {
    w = await oidcWorld();
    client = await makeApplication(w);
    person = await makePerson(w, ['Acme']);
  });
  after(() => w.close());

  const isActive = async (token: unknown, by = client) => (await introspect(w, by, String(token))).active === true;

  /** A fresh code, not redeemed. */
  const getCode = async (rp = client, options: AuthorizationOptions = {}) => {
    const address = authorizationUrl(rp, options);
    const { code } = await travel(w, new Browser(w), address, { login: { account_id: person.user_id } });
    return { code, verifier: verifierOf(address) };
  };

  describe('codes', () => {
    it('codereuse, codereuse-30seconds, OA-04: a second redemption is refused and ends what the first one gave', async () => {
      const { tokens, code, verifier } = await signIn(w, client, person);
      const next = await refresh(w, client, tokens.refresh_token as string);
      const again = await exchange(w, client, code, verifier);
      expect([again.status, again.body.error]).to.deep.equal([400, 'invalid_grant']);
      for (const token of [tokens.access_token, next.body.access_token, next.body.refresh_token])
        expect(await isActive(token)).to.equal(false);
      expect((await userinfo(w, next.body.access_token as string)).status).to.equal(401);
      expect((await refresh(w, client, next.body.refresh_token as string)).body.error).to.equal('invalid_grant');
      const events = await w.db('audit_logs').where({ action: 'token.reused' }).select('result', 'org_id', 'details');
      expect(events).to.have.length(1);
      expect(events[0]).to.deep.include({ result: 'denied', org_id: person.orgs[0] });
    });

    it('OA-04: other sign-ins of the same person at the same application are not touched', async () => {
      const phone = await signIn(w, client, person);
      const laptop = await signIn(w, client, person);
      await exchange(w, client, laptop.code, laptop.verifier);
      expect(await isActive(laptop.tokens.access_token)).to.equal(false);
      expect(await isActive(phone.tokens.access_token)).to.equal(true);
      expect((await refresh(w, client, phone.tokens.refresh_token as string)).status).to.equal(200);
    });

    it('OA-05: live for at most sixty seconds', async () => {
      const early = await getCode();
      const [row] = await w
        .db('oidc_artifacts')
        .where({ kind: 'AuthorizationCode', consumed_at: null })
        .orderBy('expires_at', 'desc')
        .limit(1);
      expect(row.payload.exp - row.payload.iat).to.be.at.most(60);
      await age(w, 'oidc_artifacts', 61);
      expect((await exchange(w, client, early.code, early.verifier)).body.error).to.equal('invalid_grant');
    });

    it('OA-06: are bound to application, address and challenge; a wrong presentation kills them', async () => {
      const other = await makeApplication(w);
      const wrong: Record<string, (code: string, verifier: string) => ReturnType<typeof exchange>> = {
        client: (code, verifier) => exchange(w, other, code, verifier),
        redirect_uri: (code, verifier) =>
          exchange(w, client, code, verifier, { redirect_uri: 'https://app.example/other' }),
        verifier: (code) => exchange(w, client, code, 'x'.repeat(43)),
        'no verifier': (code) => exchange(w, client, code, ''),
      };
      for (const [what, present] of Object.entries(wrong)) {
        const { code, verifier } = await getCode();
        const refused = await present(code, verifier);
        expect([refused.status, refused.body.error], what).to.deep.equal([400, 'invalid_grant']);
        expect((await exchange(w, client, code, verifier)).body.error, `${what}: then dead`).to.equal('invalid_grant');
      }
    });

    it('OA-06: a presentation without client authentication harms nobody', async () => {
      const { code, verifier } = await getCode();
      expect((await exchange(w, { ...client, client_secret: 'wrong' }, code, verifier)).body.error).to.equal(
        'invalid_client',
      );
      expect((await exchange(w, client, code, verifier)).status).to.equal(200);
    });

    it('garbage is refused quickly, whatever it looks like', async () => {
      for (const code of ['x', 'a'.repeat(2000), "' or 1=1 --", '😀', '..']) {
        expect((await exchange(w, client, code, 'v'.repeat(43))).body.error).to.equal('invalid_grant');
      }
    });
  });

  describe('answers', () => {
    it('OA-19: are not kept by anybody', async () => {
      const { code, verifier } = await getCode();
      const { headers } = await exchange(w, client, code, verifier);
      expect(headers.get('cache-control')).to.equal('no-store');
    });

    it('TK-06, SE-02, SD-02: the database and the log have hashes only', async () => {
      w.logLines.length = 0;
      const { tokens, code, browser } = await signIn(w, client, person);
      expect(tokens.access_token).to.match(/^ltl_at_[\w-]{43}$/);
      expect(tokens.refresh_token).to.match(/^ltl_rt_[\w-]{43}$/);
      const { rows: tables } = await w.db.raw(
        `select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')`,
      );
      let dump = '';
      for (const { name } of tables)
        dump += JSON.stringify((await w.db.raw(`select t::text as row from "${name}" t`)).rows);
      const cookie = browser.cookies.join();
      expect(cookie).to.include('lintel_session');
      for (const secret of [code, tokens.access_token, tokens.refresh_token, client.client_secret].map(String)) {
        const bare = secret.replace(/^ltl_[a-z]+_/, '');
        for (const form of [bare, Buffer.from(bare).toString('hex'), Buffer.from(bare).toString('base64')]) {
          expect(dump.includes(form), form).to.equal(false);
          expect(
            w.logLines.some((line) => line.includes(form)),
            form,
          ).to.equal(false);
        }
      }
    });

    it('TK-07: opaque access tokens live an hour, ID tokens too', async () => {
      const { tokens } = await signIn(w, client, person);
      expect(tokens.expires_in).to.equal(3600);
      const { exp, iat } = payloadOf(tokens.id_token as string) as { exp: number; iat: number };
      expect(exp - iat).to.equal(3600);
    });
  });
});
