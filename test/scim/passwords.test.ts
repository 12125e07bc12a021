/** Passwords at the SCIM door: taken once, shown never, and never put in the place of somebody's own (SC-05, SC-15). */
import { expect } from 'chai';
import { preparePassword, setPassword, verifyPassword } from '../../src/credentials/passwords/service.ts';
import { addDomain, verifyDomain } from '../../src/directory/domains/service.ts';
import { drainRecorder } from '../../src/provisioning/recorder/service.ts';
import { makePersonal } from '../directory/cast.ts';
import { type World, world } from '../support/world.ts';
import { type Directory, directory, expectError, patch, USER } from './door.ts';

describe('scim: passwords', function () {
  this.timeout(60_000);
  let w: World;
  let d: Directory;
  const sent = 'nine grey herons stand in the reeds';
  before(async () => {
    w = await world();
  });
  after(() => w.close());
  beforeEach(async () => {
    d = await directory(w);
  });

  it('SC-05: whoever brought an account of her own keeps her password, whatever the directory sends', async () => {
    const own = 'seven quiet geese cross the canal';
    const { user_id } = await makePersonal(w, { email: 'ada@kept.example', email_confirmed: true });
    await setPassword(w.call(), user_id, await preparePassword(own));
    await addDomain(w.call(), d.org_id, { domain: 'kept.example' });
    await verifyDomain(w.call(), d.org_id, 'kept.example', { method: 'attested' });
    const claimed = await d.send('POST', '/Users', { schemas: [USER], userName: 'ada@kept.example', password: sent });
    expect([claimed.status, claimed.body.id], claimed.text).to.deep.equal([201, user_id]);
    const put = { schemas: [USER], userName: 'ada@kept.example', password: sent };
    expect((await d.send('PUT', `/Users/${user_id}`, put)).status).to.equal(200);
    for (const operation of [
      { op: 'replace', path: 'password', value: sent },
      { op: 'add', value: { password: sent } },
    ])
      expectError(await d.send('PATCH', `/Users/${user_id}`, patch(operation)), 400, 'mutability');
    expect(await verifyPassword(w.call(), user_id, sent)).to.equal(false);
    expect(await verifyPassword(w.call(), user_id, own)).to.equal(true);
    expect((await w.db('users').where({ user_id }).first()).update_password_required, 'nor asked for another').to.equal(
      false,
    );
  });

  it('SC-15: one that cannot be kept stands in no user’s way, and the record of the request says that it was not kept', async () => {
    for (const password of ['placeh0lder', 'passwordpassword']) {
      const userName = `p${password.length}@passed.example`;
      const made = await d.send('POST', '/Users', { schemas: [USER], userName, password });
      expect(made.status, made.text).to.equal(201);
      const put = await d.send('PUT', `/Users/${made.body.id}`, { schemas: [USER], userName, password });
      expect(put.status, put.text).to.equal(200);
      expect(
        (
          await w
            .db('users')
            .where({ user_id: String(made.body.id) })
            .first()
        ).has_password,
      ).to.equal(false);
      expectError(
        await d.send('PATCH', `/Users/${made.body.id}`, patch({ op: 'replace', path: 'password', value: password })),
        400,
        'invalidValue',
      );
    }
    await drainRecorder(w.app);
    const recorded = await w.api<{ items: { method: string; rule: string | null }[] }>(
      'GET',
      `/organizations/${d.org_id}/scim-requests`,
    );
    const rules = recorded.body.items.filter(({ method }) => method !== 'PATCH').map(({ rule }) => rule ?? 'none');
    expect(rules).to.have.length(4);
    for (const rule of rules) expect(rule).to.include('password-not-kept');
  });

  it('SC-15: no answer of any verb shows a password or its hash, whatever it is asked for', async () => {
    const user = { schemas: [USER], userName: 'shown@secret.example', password: sent, title: 'T' };
    const made = await d.send('POST', '/Users?attributes=password,title', user);
    expect(made.status, made.text).to.equal(201);
    const id = String(made.body.id);
    const { password_hash } = await w.db('user_passwords').where({ user_id: id }).first('password_hash');
    const asking = [
      '',
      '?attributes=password',
      `?attributes=${USER}:password`,
      '?attributes=PASSWORD,title',
      '?excludedAttributes=title',
    ];
    const answers = [made];
    for (const query of asking) {
      answers.push(
        await d.send('GET', `/Users/${id}${query}`),
        await d.send('GET', `/Users${query}`),
        await d.send('PUT', `/Users/${id}${query}`, user),
        await d.send('PATCH', `/Users/${id}${query}`, patch({ op: 'replace', path: 'title', value: `T${query}` })),
        await d.send('PATCH', `/Users/${id}${query}`, patch({ op: 'replace', path: 'password', value: sent })),
      );
    }
    const search = { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'] };
    for (const attributes of [['password'], ['password', 'title']])
      for (const path of ['/.search', '/Users/.search'])
        answers.push(await d.send('POST', path, { ...search, attributes }));
    const bulk = (method: string, path: string, data: object) =>
      d.send('POST', '/Bulk', {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
        Operations: [{ method, path, bulkId: 'b', data }],
      });
    answers.push(
      await bulk('POST', '/Users', { ...user, userName: 'bulk@secret.example' }),
      await bulk('PUT', `/Users/${id}`, user),
      // In the way: the refusal does not repeat what was sent.
      await d.send('POST', '/Users', user),
      await d.send('GET', `/Users?filter=${encodeURIComponent(`password eq "${sent}"`)}`),
      await d.send('GET', '/Users?filter=password%20pr'),
      await d.send('GET', '/Users?sortBy=password'),
    );
    for (const { text, status } of answers) {
      expect(status, text).to.be.oneOf([200, 201, 400, 409]);
      expect(text).not.to.include(sent).and.not.to.include(password_hash).and.not.to.include('argon2');
      if (status < 300) expect(text).not.to.match(/"password"/i);
    }
    expect(made.body).to.have.property('title', 'T');
  });

  it('SC-15: attributes and excludedAttributes hold for every verb that answers with a resource', async () => {
    const user = {
      schemas: [USER],
      userName: 'part@secret.example',
      title: 'T',
      nickName: 'N',
      name: { givenName: 'G', familyName: 'F' },
    };
    const id = await d.user('part@secret.example');
    const verbs: Record<string, (query: string) => ReturnType<typeof d.send>> = {
      POST: (query) => d.send('POST', `/Users${query}`, { ...user, userName: `part-${query.length}@secret.example` }),
      PUT: (query) => d.send('PUT', `/Users/${id}${query}`, user),
      PATCH: (query) =>
        d.send('PATCH', `/Users/${id}${query}`, patch({ op: 'replace', path: 'title', value: `T${query}` })),
      GET: (query) => d.send('GET', `/Users/${id}${query}`),
    };
    for (const [verb, ask] of Object.entries(verbs)) {
      const some = (await ask('?attributes=title,name.givenName')).body;
      expect(Object.keys(some).sort(), verb).to.deep.equal(['id', 'name', 'schemas', 'title']);
      expect(some.name, verb).to.deep.equal({ givenName: 'G' });
      const rest = (await ask('?excludedAttributes=title,name.familyName,id,schemas')).body;
      expect(rest, verb).to.include.keys('id', 'schemas', 'nickName').and.not.have.property('title');
      expect(rest.name, verb).to.deep.equal({ givenName: 'G' });
    }
  });
});
