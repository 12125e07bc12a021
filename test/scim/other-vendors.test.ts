import { expect } from 'chai';
import type { JsonObject } from '../../src/scim/json.ts';
import { readListQuery } from '../../src/scim/list.ts';
import { uuid } from './directory.ts';
import { ENTERPRISE, Engine } from './engine.ts';
import { google } from './google.requests.ts';
import { jumpcloud } from './jumpcloud.requests.ts';
import { onelogin } from './onelogin.requests.ts';
import { expectRefusal } from './refusal.ts';
import { rfc } from './rfc.requests.ts';
import { find, queryOf } from './vendor.ts';

const now = new Date(0);

describe('scim/other vendors', () => {
  it('OneLogin: SCIM 1 URNs, numbers, a query that ends in &, a PUT without active', () => {
    const engine = new Engine();
    const read = engine.post('User', find(onelogin, 'create user').body);
    expect(read).to.deep.include({
      userName: 'ines@onelogin.example',
      externalId: '40817263',
      active: true,
      'urn:scim:schemas:extension:enterprise:1.0': { department: 'Legal' },
    });
    expect(engine.rules()).to.deep.equal(['number-as-text', 'unknown-schema-ignored', 'unknown-schema-kept']);
    const user = read.id as string;
    const put = engine.put('User', user, find(onelogin, 'update user', { user }).body);
    expect(put).to.deep.include({ active: true, name: { givenName: 'Inês', familyName: 'Cole' } });
    const query = readListQuery(queryOf(find(onelogin, 'look for user')), engine.registries.User, now);
    expect(query.filter).to.deep.include({ op: 'eq', value: 'ines@onelogin.example' });
  });

  it('Google: a probe for one user, an e-mail without a type, a suspension', () => {
    const engine = new Engine();
    expect(readListQuery(queryOf(find(google, 'probe')), engine.registries.User, now)).to.include({
      count: 1,
      startIndex: 1,
    });
    const read = engine.post('User', find(google, 'create user').body);
    expect(read.emails).to.deep.equal([{ value: 'kofi@google.example', primary: true }]);
    const user = read.id as string;
    expect(engine.row(user).columns.email).to.equal('kofi@google.example');
    expect(engine.patch('User', user, find(google, 'suspend', { user }).body).active).to.equal(false);
  });

  it('JumpCloud: types of its own come back, members go by a value list', () => {
    const engine = new Engine();
    const read = engine.post('User', find(jumpcloud, 'create user').body);
    const { schemas: _, ...sent } = find(jumpcloud, 'create user').body as JsonObject;
    expect(read).to.deep.include(sent);
    const user = read.id as string;
    const made = engine.post('Group', find(jumpcloud, 'create group', { user }).body);
    expect(made.members).to.have.length(1);
    const group = made.id as string;
    expect(engine.patch('Group', group, find(jumpcloud, 'remove member', { user, group }).body).members).to.deep.equal(
      [],
    );
  });

  it('RFC 7644: the forms of PATCH', () => {
    const engine = new Engine();
    const manager = uuid(2, 9);
    const user = engine.post('User', find(rfc, 'create user', { manager }).body).id as string;
    const send = (name: string) => engine.patch('User', user, find(rfc, name, { user }).body);
    expect(send('add without a path')).to.include({ nickName: 'Tom' }).and.to.have.property('emails').with.length(3);
    expect(send('remove some e-mails').emails).to.have.length(1);
    expect(send('replace all e-mails').emails).to.deep.equal([
      { value: 'a@example.test', type: 'work', primary: true },
      { value: 'b@home.test' },
    ]);
    expect(send('replace an address').addresses).to.deep.equal([
      { type: 'work', streetAddress: 'Calle 2', locality: 'Cusco', primary: true },
    ]);
    expect(send('replace one part').addresses).to.deep.equal([
      { type: 'work', streetAddress: 'Calle 3', locality: 'Cusco', primary: true },
    ]);
    expect(send('remove then add').ims).to.deep.equal([{ value: 'new', type: 'aim' }]);
    expectRefusal(() => send('no such target'), 400, 'noTarget');
    expect((engine.get('User', user)[ENTERPRISE] as JsonObject).manager).to.deep.equal({
      value: manager,
      $ref: `../Users/${manager}`,
    });
  });

  it('RFC 7644: the filters of §3.4.2.2', () => {
    const engine = new Engine();
    for (const request of rfc.filter(({ method }) => method === 'GET')) {
      expect(readListQuery(queryOf(request), engine.registries.User, now).filter, request.name).to.not.equal(undefined);
    }
  });
});
