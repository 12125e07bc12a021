import { expect } from 'chai';
import { mappingsOf } from '../../../src/provisioning/mappings/service.ts';
import { STANDARD_MAPPINGS } from '../../../src/scim/mappings.ts';
import { type World, world } from '../../support/world.ts';
import { type Directory, makeDirectory } from '../directories.ts';

interface Mapping {
  local_attribute: string;
  scim_attribute: string;
  resource_type?: string;
}
interface Mappings {
  mapping_version: number;
  mappings: Mapping[];
  implied: Mapping[];
  code?: string;
  errors?: { pointer: string; detail: string }[];
}

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

describe('provisioning/mappings', () => {
  let w: World;
  let directory: Directory;
  before(async () => {
    w = await world();
  });
  beforeEach(async () => {
    directory = await makeDirectory(w);
  });
  after(() => w.close());

  const get = () => w.api<Mappings>('GET', `${directory.place}/mappings`);
  const put = (mappings: unknown) => w.api<Mappings>('PUT', `${directory.place}/mappings`, { mappings });
  const preview = (payload: object, mappings?: Mapping[]) =>
    w.api('POST', `${directory.place}/mappings/preview`, { payload, ...(mappings ? { mappings } : {}) });
  const bare = (list: Mapping[]) => list.map((one) => [one.local_attribute, one.scim_attribute]);

  it('begins with the standard mapping, written down for the client', async () => {
    const { status, body } = await get();
    expect(status).to.equal(200);
    expect(bare(body.mappings)).to.deep.equal(bare([...STANDARD_MAPPINGS]));
    expect([body.mapping_version, body.implied]).to.deep.equal([1, []]);
    // What is read can be sent back as it is, and changes nothing.
    expect((await put(body.mappings)).body).to.deep.include({ mapping_version: 1, mappings: body.mappings });
    expect(await w.db('audit_logs').where({ action: 'scim_mappings.changed' })).to.deep.equal([]);
  });

  it('is replaced as a whole; what nothing works without is implied; the version moves', async () => {
    const mine = [
      { local_attribute: 'username', scim_attribute: 'userName' },
      { local_attribute: 'properties.department', scim_attribute: `${ENTERPRISE}:department` },
      { local_attribute: 'email', scim_attribute: 'emails[type eq "home"].value' },
    ];
    const { status, body, text } = await put(mine);
    expect(status, text).to.equal(200);
    expect(body.mapping_version).to.equal(2);
    expect(bare(body.mappings)).to.deep.equal(bare(mine));
    expect(body.implied.map(({ scim_attribute }) => scim_attribute)).to.have.members(['active', 'displayName']);
    const read = (await get()).body;
    expect(read).to.deep.equal(body);
    const [told] = await w.db('audit_logs').where({ action: 'scim_mappings.changed' });
    expect(told).to.include({ object_id: directory.client_id, org_id: directory.org_id });
    expect(told.details.after).to.include('email ↔ emails[type eq "home"].value');
    expect((await put([])).body).to.deep.include({ mapping_version: 3, mappings: [] });
  });

  it('is refused with the reason, and a pointer to the mapping that could not work', async () => {
    const good = { local_attribute: 'username', scim_attribute: 'userName' };
    const wrong: [Mapping[], string, RegExp][] = [
      [[good, { local_attribute: 'locked', scim_attribute: 'title' }], '/body/mappings/1', /no such column/],
      [[{ local_attribute: 'home_org_id', scim_attribute: 'title' }], '/body/mappings/0', /no such column/],
      [[{ local_attribute: 'properties.__proto__', scim_attribute: 'title' }], '/body/mappings/0', /no such column/],
      [[good, { local_attribute: 'bio', scim_attribute: 'nothing' }], '/body/mappings/1', /no such attribute/],
      [[{ local_attribute: 'bio', scim_attribute: 'password' }], '/body/mappings/0', /password/],
      [[{ local_attribute: 'email', scim_attribute: 'emails' }], '/body/mappings/0', /many values/],
      [[good, good], '/body/mappings/1', /two mappings/],
      [
        [good, { local_attribute: 'username', scim_attribute: 'nickName' }, { ...good, local_attribute: 'bio' }],
        '/body/mappings/1',
        /two mappings/,
      ],
      [[{ ...good, resource_type: 'Group' }], '/body/mappings/0', /no such column/],
    ];
    for (const [mappings, pointer, reason] of wrong) {
      const { status, body } = await put(mappings);
      expect([status, body.code], JSON.stringify(mappings)).to.deep.equal([400, 'mapping_invalid']);
      expect(body.errors?.[0]?.pointer, JSON.stringify(mappings)).to.equal(pointer);
      expect(body.errors?.[0]?.detail).to.match(reason);
    }
    const shapes: unknown[] = [
      'text',
      [{ local_attribute: 'bio' }],
      [{ ...good, org_id: 'x' }],
      Array.from({ length: 201 }, (_, i) => ({ local_attribute: `properties.p${i}`, scim_attribute: `x${i}` })),
    ];
    for (const mappings of shapes) expect((await put(mappings)).body.code).to.equal('request_invalid');
    expect((await get()).body.mapping_version).to.equal(1);
  });

  it('shows the user that a payload would make', async () => {
    const { status, body, text } = await preview({
      schemas: [USER, ENTERPRISE],
      userName: 'Ada@Example.com',
      externalId: '42',
      active: 'True',
      name: { givenName: 'Ada', familyName: 'Lovelace' },
      emails: [{ type: 'work', value: ' ada@example.com ', primary: true }],
      password: 'correct horse battery staple',
      [ENTERPRISE]: { department: 'Engines' },
    });
    expect(status, text).to.equal(200);
    expect(body).to.deep.include({
      username: 'Ada@Example.com',
      email: 'ada@example.com',
      first_name: 'Ada',
      last_name: 'Lovelace',
      enabled: true,
      phone: null,
      has_password: true,
      external_id: '42',
      properties: {},
    });
    expect(body.kept_attributes).to.have.nested.property(`${ENTERPRISE.replaceAll('.', '\\.')}.department`, 'Engines');
    expect(body.notes).to.deep.include({ rule: 'text-as-boolean', path: 'active' });
    expect(text).not.to.include('correct horse');
    expect(await w.db('users')).to.deep.equal([]);
  });

  it('shows it by a draft as well, which is checked and not kept', async () => {
    const payload = { schemas: [USER], userName: 'ada', [ENTERPRISE]: { department: 'Engines' } };
    const draft = [{ local_attribute: 'properties.work.unit', scim_attribute: `${ENTERPRISE}:department` }];
    const { body } = await preview(payload, draft);
    expect(body.properties).to.deep.equal({ work: { unit: 'Engines' } });
    const bad = await preview(payload, [{ local_attribute: 'locked', scim_attribute: 'title' }]);
    expect([bad.status, bad.body.code]).to.deep.equal([400, 'mapping_invalid']);
    expect((await get()).body.mapping_version).to.equal(1);
  });

  it('says why a payload would be refused', async () => {
    const wrong: [object, string][] = [
      [{ schemas: [USER] }, 'scim_payload_invalid'],
      [{ userName: 'ada' }, 'scim_payload_invalid'],
      [{ schemas: [USER], userName: 'ada', active: 'perhaps' }, 'scim_payload_invalid'],
      [{ schemas: [USER], userName: 'ada', emails: [{ type: 'work', value: 'not an address' }] }, 'email_invalid'],
      [{ schemas: [USER], userName: 'a\u202eda' }, 'username_invalid'],
    ];
    for (const [payload, code] of wrong) {
      const answer = await preview(payload);
      expect([answer.status, answer.body.code], JSON.stringify(payload)).to.deep.equal([400, code]);
    }
    const refused = await preview({ schemas: [USER] });
    expect(refused.text).to.include('userName').and.to.include('/body/payload');
  });

  it('gives the door the mappings of a version, read once', async () => {
    const { client_id } = directory;
    const first = await mappingsOf(w.db, { client_id, mapping_version: 1 });
    expect(bare([...first])).to.deep.equal(bare([...STANDARD_MAPPINGS]));
    expect(await mappingsOf(w.db, { client_id, mapping_version: 1 })).to.equal(first);
    await put([{ local_attribute: 'bio', scim_attribute: 'title' }]);
    const second = await mappingsOf(w.db, { client_id, mapping_version: 2 });
    expect(bare([...second])).to.deep.equal([['bio', 'title']]);
  });
});
