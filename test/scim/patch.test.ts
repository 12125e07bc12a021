/**
 * PATCH on resources in memory: each operation, each path, and sequences drawn at random (RFC 7644 §3.5.2, checklist SC-06).
 * Over 300 lines because it is a list of forms.
 */
import { expect } from 'chai';
import { ScimFault } from '../../src/scim/errors.ts';
import type { JsonObject } from '../../src/scim/json.ts';
import { maxOperations } from '../../src/scim/patch.ts';
import { ENTERPRISE, Engine, operations, PATCH, USER } from './engine.ts';
import { Random } from '../support/random.ts';
import { expectRefusal } from './refusal.ts';

const start: JsonObject = {
  schemas: [USER, ENTERPRISE],
  userName: 'ada',
  externalId: 'x1',
  active: true,
  title: 'Clerk',
  name: { givenName: 'Ada', middleName: 'K', familyName: 'Byron' },
  emails: [
    { type: 'work', value: 'ada@x.test', primary: true },
    { type: 'home', value: 'ada@home.test' },
  ],
  [ENTERPRISE]: { department: 'Math', manager: { value: '7', $ref: '../Users/7' } },
};

describe('scim/patch', () => {
  let engine: Engine;
  let id: string;
  beforeEach(() => {
    engine = new Engine();
    id = engine.post('User', start).id as string;
  });
  const patch = (...list: object[]): JsonObject => engine.patch('User', id, operations(...list));
  const refused = (type: Parameters<typeof expectRefusal>[2], ...list: object[]) => {
    const before = engine.get('User', id);
    expectRefusal(() => patch(...list), 400, type);
    expect(engine.get('User', id)).to.deep.equal(before);
  };
  const extension = (resource: JsonObject) => resource[ENTERPRISE] as JsonObject;

  it('adds, replaces and removes simple attributes', () => {
    expect(patch({ op: 'add', path: 'nickName', value: 'A' }).nickName).to.equal('A');
    expect(patch({ op: 'replace', path: 'title', value: 'Countess' }).title).to.equal('Countess');
    expect(patch({ op: 'remove', path: 'title' })).to.not.have.property('title');
    expect(patch({ op: 'replace', path: 'nickName', value: null })).to.not.have.property('nickName');
    expect(patch({ op: 'replace', path: `${USER}:displayName`, value: 'D' }).displayName).to.equal('D');
    expect(patch({ op: 'replace', path: 'EXTERNALID', value: 'x2' }).externalId).to.equal('x2');
  });

  it('replace of a complex attribute keeps the parts it does not name', () => {
    expect(patch({ op: 'replace', path: 'name', value: { familyName: 'Lovelace' } }).name).to.deep.equal({
      givenName: 'Ada',
      middleName: 'K',
      familyName: 'Lovelace',
    });
    expect(patch({ op: 'replace', value: { name: { middleName: null } } }).name).to.deep.equal({
      givenName: 'Ada',
      familyName: 'Lovelace',
    });
    expect(
      patch({ op: 'remove', path: 'name.givenName' }, { op: 'remove', path: 'name.familyName' }),
    ).to.not.have.property('name');
  });

  it('add to a list does not repeat what is there, and moves the primary flag', () => {
    expect(patch({ op: 'add', path: 'emails', value: [{ type: 'work', value: 'ADA@x.test' }] }).emails).to.have.length(
      2,
    );
    expect(engine.changed).to.equal(false);
    const { emails } = patch({
      op: 'add',
      path: 'emails',
      value: [{ type: 'other', value: 'o@x.test', primary: true }],
    });
    expect(emails).to.deep.equal([
      { type: 'work', value: 'ada@x.test', primary: false },
      { type: 'home', value: 'ada@home.test' },
      { type: 'other', value: 'o@x.test', primary: true },
    ]);
    expect(engine.rules()).to.include('primary-moved');
    const moved = patch({ op: 'replace', path: 'emails[type eq "home"].primary', value: true }).emails as JsonObject[];
    expect(moved.map(({ primary }) => primary)).to.deep.equal([false, true, false]);
    refused('invalidValue', {
      op: 'replace',
      path: 'emails',
      value: [
        { value: 'a', primary: true },
        { value: 'b', primary: true },
      ],
    });
  });

  it('changes only the elements that the filter means', () => {
    expect(patch({ op: 'replace', path: 'emails[type eq "home"].value', value: 'new@home.test' }).emails).to.deep.equal(
      [
        { type: 'work', value: 'ada@x.test', primary: true },
        { type: 'home', value: 'new@home.test' },
      ],
    );
    expect(patch({ op: 'replace', path: 'emails[type eq "home"]', value: { value: 'z@z' } }).emails).to.deep.equal([
      { type: 'work', value: 'ada@x.test', primary: true },
      { type: 'home', value: 'z@z' },
    ]);
    expect(patch({ op: 'remove', path: 'emails[type eq "home" and value sw "z"]' }).emails).to.have.length(1);
    expect(patch({ op: 'remove', path: 'emails[not (type eq "work")]' }).emails).to.have.length(1);
    expect(engine.rules()).to.deep.equal(['no-match-to-remove']);
  });

  it('creates the element that type eq <canonical> or primary eq true would have meant; else noTarget', () => {
    const phones = patch({ op: 'add', path: 'phoneNumbers[type eq "mobile"].value', value: '+1' }).phoneNumbers;
    expect(phones).to.deep.equal([{ type: 'mobile', value: '+1' }]);
    expect(engine.rules()).to.include('element-created');
    expect(patch({ op: 'Replace', path: 'roles[primary eq "True"].value', value: 'R' }).roles).to.deep.equal([
      { primary: true, value: 'R' },
    ]);
    expect(
      patch({ op: 'add', path: 'addresses[type eq "work" and primary eq true].country', value: 'GB' }).addresses,
    ).to.deep.equal([{ type: 'work', primary: true, country: 'GB' }]);
    refused('noTarget', { op: 'replace', path: 'emails[type eq "nonsense"].value', value: 'x' });
    refused('noTarget', { op: 'add', path: 'emails[value eq "no@x"].type', value: 'work' });
    refused('noTarget', { op: 'replace', path: 'emails[type co "oth"].value', value: 'x' });
    refused('noTarget', { op: 'replace', path: 'phoneNumbers[primary eq false].value', value: 'x' });
    expect(patch({ op: 'replace', path: 'photos[type eq "photo"].value', value: '' })).to.have.property('photos');
  });

  it('refuses an explicit path to what is read-only, and passes over the same in a value object', () => {
    for (const path of [
      'id',
      'meta',
      'meta.created',
      'groups',
      'groups[value eq "x"]',
      `${ENTERPRISE}:manager.displayName`,
    ]) {
      refused('mutability', { op: 'replace', path, value: 'x' });
    }
    refused('mutability', { op: 'remove', path: 'groups' });
    const read = patch({
      op: 'replace',
      value: { id: 'evil', meta: { version: '9' }, groups: [{ value: 'admins' }], title: 'T' },
    });
    expect(read).to.include({ id, title: 'T' });
    expect(read.groups).to.deep.equal([]);
    expect(engine.rules()).to.deep.equal(['read-only-ignored']);
  });

  it('refuses paths and operations that are none, all before anything is applied', () => {
    const first = { op: 'replace', path: 'title', value: 'CHANGED' };
    refused('invalidPath', first, { op: 'replace', path: 'nothing', value: 1 });
    refused('invalidPath', first, { op: 'replace', path: 'name.nothing', value: 1 });
    refused('invalidPath', first, { op: 'replace', path: 'title[type eq "x"]', value: 1 });
    refused('invalidPath', first, { op: 'replace', path: 'emails[type eq "work"].nothing', value: 1 });
    refused('invalidFilter', first, { op: 'replace', path: 'emails[type', value: 1 });
    refused('invalidFilter', first, { op: 'replace', path: 'emails[primary gt true].value', value: 'x' });
    refused('invalidPath', first, { op: 'replace', path: 7, value: 1 });
    refused('noTarget', first, { op: 'remove' });
    refused('invalidValue', first, { op: 'add', path: 'title' });
    refused('invalidValue', first, { op: 'add', value: 'x' });
    refused('invalidSyntax', first, { op: 'move', path: 'title', value: 'x' });
    refused('invalidSyntax', first, { path: 'title', value: 'x' });
    refused('invalidValue', first, { op: 'replace', path: 'active', value: 'perhaps' });
    refused('invalidValue', first, { op: 'remove', path: 'userName' });
    refused('invalidValue', first, { op: 'replace', path: 'userName', value: '' });
    for (const body of [
      { schemas: [PATCH] },
      { Operations: [] },
      { schemas: [USER], Operations: [] },
      { schemas: [PATCH], Operations: {} },
      { schemas: [PATCH], Operations: ['x'] },
    ]) {
      expectRefusal(() => engine.patch('User', id, body), 400, 'invalidSyntax');
    }
    const many = Array.from({ length: maxOperations + 1 }, () => first);
    expectRefusal(() => patch(...many), 413);
  });

  it('an empty list of operations changes nothing (Entra)', () => {
    patch();
    expect(engine.changed).to.equal(false);
    patch({ op: 'replace', path: 'title', value: 'Clerk' });
    expect(engine.changed).to.equal(false);
    patch({ op: 'replace', value: { active: 'True' } });
    expect(engine.changed).to.equal(false);
  });

  it('reads a manager in every form', () => {
    const path = `${ENTERPRISE}:manager`;
    for (const value of ['8', { value: '8' }, [{ value: '8' }], { Value: 8 }]) {
      expect(extension(patch({ op: 'Replace', path, value })).manager).to.deep.equal({ value: '8' });
      patch({ op: 'replace', path, value: '9' });
    }
    for (const value of ['', null, [], { value: '' }, { value: null }]) {
      patch({ op: 'add', path, value: '9' });
      expect(extension(patch({ op: 'Replace', path, value })), JSON.stringify(value)).to.not.have.property('manager');
    }
    expect(extension(patch({ op: 'add', path: `${path}.value`, value: '10' })).manager).to.deep.equal({ value: '10' });
    expect(extension(patch({ op: 'replace', path: `${path}.value`, value: '' }))).to.deep.equal({ department: 'Math' });
    expect(patch({ op: 'remove', path: ENTERPRISE })).to.not.have.property(ENTERPRISE);
  });

  it('takes dotted and URN keys without a path, whole extensions, and passes over what it does not know', () => {
    const read = patch({
      op: 'replace',
      value: {
        'name.givenName': 'Augusta',
        [`${ENTERPRISE}:department`]: 'Analysis',
        'emails[type eq "home"].value': 'h@h',
        [ENTERPRISE]: { costCenter: 4130 },
        unheardOf: 1,
        'a b': 2,
        'urn:acme:1.0:User': { badge: 1 },
        'urn:acme:1.0:User:desk': '4',
      },
    });
    expect(read.name).to.include({ givenName: 'Augusta', familyName: 'Byron' });
    expect(extension(read)).to.deep.include({ department: 'Analysis', costCenter: '4130' });
    expect(read['urn:acme:1.0:User']).to.deep.equal({ badge: 1, desk: '4' });
    expect((read.emails as JsonObject[])[1]).to.include({ value: 'h@h' });
    expect(read).to.not.have.property('unheardOf');
    expect(engine.rules()).to.deep.equal(['number-as-text', 'path-as-key', 'unknown-attribute-ignored']);
    expect(patch({ op: 'remove', path: 'urn:acme:1.0:User:badge' })['urn:acme:1.0:User']).to.deep.equal({ desk: '4' });
    expect(patch({ op: 'remove', path: 'urn:acme:1.0:User' })).to.not.have.property('urn:acme:1.0:User');
  });

  it('remove of a list with values removes these; an empty list removes none; no value removes all', () => {
    expect(patch({ op: 'Remove', path: 'emails', value: [] }).emails).to.have.length(2);
    expect(engine.rules()).to.include('empty-removal-ignored');
    expect(patch({ op: 'Remove', path: 'emails', value: [{ value: 'ada@home.test' }] }).emails).to.have.length(1);
    patch({ op: 'add', path: 'roles', value: [{ value: 'a' }, { value: 'b' }] });
    expect(patch({ op: 'remove', path: 'roles' })).to.not.have.property('roles');
  });

  it('removing active does not deactivate', () => {
    patch({ op: 'remove', path: 'active' });
    expect(engine.get('User', id).active).to.equal(true);
    patch({ op: 'replace', path: 'active', value: '' });
    expect(engine.get('User', id).active).to.equal(true);
    expect(patch({ op: 'Replace', path: 'active', value: 'False' }).active).to.equal(false);
  });

  it('SC-15 hands a password over without keeping it', () => {
    const read = patch({ op: 'replace', value: { password: 'n3w' } });
    expect([engine.password, engine.changed]).to.deep.equal(['n3w', true]);
    patch({ op: 'replace', path: 'password', value: 'n3wer' });
    expect(engine.password).to.equal('n3wer');
    expect(JSON.stringify([read, [...engine.rows.values()]])).to.not.contain('n3w');
  });

  it('SC-06 pollutes no prototype by path, key or value', () => {
    const evil = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"name":{"__proto__":{"polluted":1}}}',
    );
    patch({ op: 'add', value: evil });
    for (const path of [
      '__proto__',
      'constructor',
      'constructor.prototype',
      '__proto__.polluted',
      'name.__proto__',
      'urn:x:__proto__',
      'urn:x:constructor',
      `${ENTERPRISE}:__proto__`,
      'emails[type eq "work"].__proto__',
    ]) {
      for (const op of ['add', 'replace', 'remove']) {
        try {
          patch({ op, path, value: { polluted: 1 } });
        } catch (fault) {
          if (!(fault instanceof ScimFault)) throw fault;
        }
      }
    }
    patch({ op: 'add', path: 'urn:toString:x', value: { valueOf: 1 } });
    expect(({} as Record<string, unknown>).polluted).to.equal(undefined);
    expect(typeof {}.toString).to.equal('function');
  });

  it('SC-06 fuzz: 4,000 messages end in a whole resource or a SCIM fault, and a fault changes nothing', () => {
    const random = new Random(352);
    const paths = [
      'title',
      'name',
      'name.givenName',
      'emails',
      'emails.value',
      'emails[type eq "work"]',
      'emails[type eq "home"].value',
      'active',
      'members',
      'emails[primary eq true].value',
      `${ENTERPRISE}:manager`,
      ENTERPRISE,
      'urn:q:r:s',
      'schemas',
      'id',
      'password',
      'roles',
      '__proto__',
      'x509Certificates',
      'emails[value pr].primary',
      undefined,
      null,
      '',
      'userName',
      'externalId',
      'photos[type eq "photo"].value',
      'groups',
    ];
    const value = (depth: number): unknown => {
      const roll = random.below(depth > 2 ? 9 : 12);
      const simple = ['x', '', true, 'False', null, 7, 'a@b', -1.5, '\u{1f600}'];
      if (roll < 9) return simple[roll];
      if (roll === 9) return Array.from({ length: random.below(3) }, () => value(depth + 1));
      const keys = [
        'value',
        'type',
        'primary',
        'givenName',
        'name',
        'emails',
        '__proto__',
        'constructor',
        'title',
        'manager',
        ENTERPRISE,
        'urn:q:r',
        'name.givenName',
      ];
      return Object.fromEntries(Array.from({ length: random.below(4) }, () => [random.pick(keys), value(depth + 1)]));
    };
    let applied = 0;
    for (let round = 0; round < 4000; round++) {
      const list = Array.from({ length: 1 + random.below(3) }, () => ({
        op: random.pick(['add', 'Replace', 'remove', 'REMOVE']),
        path: random.pick(paths),
        value: value(0),
      }));
      const before = engine.get('User', id);
      try {
        const read = patch(...list);
        applied++;
        expect(read.userName, JSON.stringify(list)).to.be.a('string').and.not.equal('');
        expect(read.id).to.equal(id);
        expect(engine.put('User', id, read), JSON.stringify(list)).to.deep.equal(read);
      } catch (fault) {
        if (!(fault instanceof ScimFault)) throw new Error(`round ${round}: ${JSON.stringify(list)}`, { cause: fault });
        expect(engine.get('User', id)).to.deep.equal(before);
      }
    }
    expect(applied).to.be.greaterThan(500);
    expect(({} as Record<string, unknown>).value).to.equal(undefined);
  });
});
