/**
 * RE-17: tokens of somebody who has a thousand roles by inheritance, in a chain, a fan and a ladder of diamonds: each request that
 * issues or reads one holds the event loop less than 50 ms, all of the roles are in it, and what is too large for the header of a
 * request is refused as such.
 */
import { expect } from 'chai';
import { newId } from '../../src/core/id.ts';
import { Browser, passPages } from '../../src/demo/browser.ts';
import { org_id } from '../bench/population.ts';
import { authorizationUrl, basic, payloadOf, type Tokens, verifierOf } from '../oidc/rp.ts';
import { onPostgres } from '../support/database.ts';
import { skipWithoutPostgres } from '../support/own-postgres.ts';
import { attack, form } from './attack.ts';
import { loadStage, type LoadStage, type Reply } from './stage.ts';
import { suffer } from './suffer.ts';

const many = 1000;
const callback = 'https://app.example/cb';
const organization = `/organizations/${org_id}`;

const steps = Array.from({ length: many - 1 }, (_, index) => index);
/** Which role inherits from which, by their places; the first is the one that is given. */
const shapes: Record<string, readonly (readonly [number, number])[]> = {
  'a chain': steps.map((index) => [index, index + 1]),
  'a fan': steps.map((index) => [0, index + 1]),
  'a ladder of diamonds': steps.flatMap((index) => {
    const next = index === 0 ? 1 : index - ((index - 1) % 2) + 2;
    return [next, next + 1].filter((place) => place < many).map((place): [number, number] => [index, place]);
  }),
};

describe('load: tokens of somebody with a thousand roles', function () {
  this.timeout(120_000);
  let stage: LoadStage;
  let user_id: string;
  let signedIn: Browser;

  before(async function () {
    skipWithoutPostgres(this, onPostgres ? null : 'LINTEL_TEST_DATABASE_URL is not set');
    stage = await loadStage(200);
    const identifier = stage.population.people[0] ?? '';
    const [person] = await stage.sql('select user_id from users where email = ?', [identifier]);
    user_id = String(person?.user_id);
    const member = await stage.process.api('PUT', `${organization}/members/${user_id}`, {});
    expect(member.status, await member.text()).to.be.oneOf([200, 201]);
    signedIn = new Browser();
    const first = await signedIn.open(address(), isCallback);
    const fields = { identifier, password: stage.population.password };
    const last = await passPages(signedIn, first, { fields, arrived: isCallback }, isCallback);
    expect(isCallback(last.url), `${last.status} ${last.title}`).to.equal(true);
  });
  after(() => stage?.close());

  const isCallback = (url: string) => url.startsWith(callback);
  const path = (more: Record<string, string> = {}) =>
    authorizationUrl(stage.application, { scope: 'openid offline_access', ...more });
  const address = (more: Record<string, string> = {}) => new URL(path(more), stage.process.url).href;

  const post = (to: string, fields: Record<string, string>) =>
    stage.send(to, {
      method: 'POST',
      headers: {
        'content-type': form,
        authorization: basic(stage.application),
      },
      body: new URLSearchParams(fields).toString(),
    });
  const tokensOf = ({ status, text }: Reply): Tokens => {
    expect(status, text).to.equal(200);
    return JSON.parse(text) as Tokens;
  };

  /** Single sign-on: no page, only the way back. */
  async function authorize(more: Record<string, string> = {}): Promise<{ code: string; verifier: string }> {
    const asked = address({ prompt: 'consent', ...more });
    const { url } = await signedIn.open(asked, isCallback);
    return { code: new URL(url).searchParams.get('code') ?? '', verifier: verifierOf(asked) };
  }
  async function exchange(more: Record<string, string> = {}): Promise<Reply> {
    const { code, verifier } = await authorize(more);
    return post('/oauth/token', {
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: callback,
      ...(more.resource === undefined ? {} : { resource: more.resource }),
    });
  }

  /** The roles of a shape; the person is given the first. @returns their names, in order */
  async function give(
    edges: readonly (readonly [number, number])[],
    nameOf = (id: string) => `role ${id}`,
  ): Promise<{ names: string[]; bottom: string }> {
    const ids = Array.from({ length: many }, () => newId());
    const names = ids.map(nameOf);
    await stage.sql('insert into roles (role_id, org_id, name) select * from unnest(?::uuid[], ?::uuid[], ?::text[])', [
      ids,
      ids.map(() => org_id),
      names,
    ]);
    await stage.sql(
      'insert into role_inheritance (role_id, parent_role_id) select * from unnest(?::uuid[], ?::uuid[])',
      [edges.map(([child]) => ids[child]), edges.map(([, parent]) => ids[parent])],
    );
    await stage.sql('analyze roles, role_inheritance, role_permissions');
    const bottom = ids[0] ?? '';
    const given = await stage.process.api('POST', `${organization}/members/${user_id}/roles`, { role_id: bottom });
    expect(given.status, await given.text()).to.be.oneOf([200, 201]);
    return { names: [...names].sort(), bottom };
  }

  async function takeBack(bottom: string): Promise<void> {
    const taken = await stage.process.api('DELETE', `${organization}/members/${user_id}/roles/${bottom}`);
    expect(taken.status, await taken.text()).to.be.oneOf([200, 204]);
  }

  const rolesIn = (claims: Record<string, unknown>) => [...(claims.roles as string[])].sort();

  for (const [shape, edges] of Object.entries(shapes)) {
    it(`RE-17: ${shape}`, async () => {
      const { names, bottom } = await give(edges);
      let tokens: Tokens = {};
      const issued = (reply: Reply) => {
        tokens = tokensOf(reply);
        return reply;
      };
      const seen: Record<string, unknown>[] = [];
      const told = (reply: Reply) => {
        seen.push(JSON.parse(reply.text) as Record<string, unknown>);
        return reply;
      };
      const asked = (reply: Reply) => {
        seen.push(payloadOf(tokensOf(reply).id_token ?? ''));
        return issued(reply);
      };
      const attacks = (when: string) => [
        attack(`${shape}${when}: a code is exchanged`, [200], async () => asked(await exchange())),
        attack(`${shape}${when}: a refresh token`, [200], async () =>
          asked(await post('/oauth/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' })),
        ),
        attack(`${shape}${when}: userinfo`, [200], async () =>
          told(
            await stage.send('/oauth/userinfo', { headers: { authorization: `Bearer ${tokens.access_token ?? ''}` } }),
          ),
        ),
        attack(`${shape}${when}: introspection`, [200], async () =>
          told(await post('/oauth/introspect', { token: tokens.access_token ?? '' })),
        ),
      ];
      expect(await suffer(stage, attacks(''))).to.deep.equal([]);
      // The membership row is out of date for a minute at most; until then each request reckons anew.
      await stage.sql(
        "update user_organization_info set access_valid_until = now() - interval '1 second' where user_id = ?",
        [user_id],
      );
      expect(await suffer(stage, attacks(', a grant just ended'))).to.deep.equal([]);
      expect(seen.length).to.be.at.least(8);
      for (const claims of seen) expect(rolesIn(claims)).to.deep.equal(names);
      await takeBack(bottom);
      expect(rolesIn(payloadOf(tokensOf(await exchange()).id_token ?? '')), 'afterwards').to.deep.equal([]);
    });
  }

  it('RE-17: a JWT for an API has all of the roles; where it is too large it is refused by the limit of headers or of forms', async () => {
    const api = 'https://large.example/api';
    const made = await stage.process.api('POST', '/applications', {
      client_name: 'API',
      redirect_uris: [],
      grant_types: [],
      resource_uri: api,
      resource_scope: 'read',
      resource_token_format: 'jwt',
    });
    expect(made.status, await made.text()).to.equal(201);
    const { names, bottom } = await give(shapes['a fan'] ?? []);
    let jwt = '';
    const found = await suffer(stage, [
      attack('a JWT for an API', [200], async () => {
        const reply = await exchange({ resource: api, scope: 'openid read' });
        jwt = tokensOf(reply).access_token ?? '';
        return reply;
      }),
    ]);
    expect(found).to.deep.equal([]);
    expect(rolesIn(payloadOf(jwt))).to.deep.equal(names);
    expect(jwt.length).to.be.greaterThan(57_344);
    const asBearer = await stage.send('/api/v1/organizations', { headers: { authorization: `Bearer ${jwt}` } });
    expect(asBearer.status).to.equal(431);
    const inForm = await post('/oauth/introspect', { token: jwt });
    expect([inForm.status, JSON.parse(inForm.text).error_description]).to.deep.equal([
      413,
      'At most 57344 bytes are read here.',
    ]);
    await takeBack(bottom);
  });

  it('SE-08: an ID token that fits into no address is posted to sign out, and says for which application', async () => {
    const { bottom } = await give(shapes['a fan'] ?? [], (id) => id.slice(-12));
    const hint = tokensOf(await exchange()).id_token ?? '';
    expect(hint.length).to.be.within(16_384, 50_000);
    const posted = (fields: Record<string, string>) =>
      stage.send('/oauth/logout', {
        method: 'POST',
        headers: { 'content-type': form },
        body: new URLSearchParams({ id_token_hint: hint, state: 'bye', ...fields }).toString(),
      });
    const answer = await posted({});
    expect(answer.status, answer.text).to.equal(303);
    expect(answer.headers.get('location')).to.equal(`/oauth/logout?state=bye&client_id=${stage.application.client_id}`);
    const page = await signedIn.open(new URL(answer.headers.get('location') ?? '', stage.process.url).href);
    expect([page.status, page.html.includes('Load')], page.title).to.deep.equal([200, true]);
    const agreeing = await posted({ client_id: stage.application.client_id });
    expect(agreeing.headers.get('location')).to.equal(answer.headers.get('location'));
    // Whoever names two applications, or posts what is no token, is refused as with a short hint.
    const others: Record<string, string>[] = [
      { client_id: stage.keyed_client_id },
      { id_token_hint: hint.replaceAll('.', '-') },
    ];
    for (const wrong of others) {
      const refused = await posted(wrong);
      expect([refused.status, JSON.parse(refused.text).error], refused.text).to.deep.equal([400, 'invalid_request']);
    }
    await takeBack(bottom);
  });
});
