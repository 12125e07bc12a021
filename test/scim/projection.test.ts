import { expect } from 'chai';
import { isShown, project, readProjection } from '../../src/scim/projection.ts';
import { ENTERPRISE, Engine, USER } from './engine.ts';

const engine = new Engine();
const registry = engine.registries.User;
const resource = engine.post('User', {
  schemas: [USER],
  userName: 'ada',
  title: 'Clerk',
  shoeSize: 43,
  name: { givenName: 'Ada', familyName: 'Byron' },
  emails: [{ type: 'work', value: 'a@x', primary: true }],
  [ENTERPRISE]: { department: 'Math', manager: { value: '7' } },
});
const shown = (attributes?: unknown, excluded?: unknown) =>
  project(resource, readProjection(attributes, excluded, registry), registry);

describe('scim/projection', () => {
  it('SC-15 shows what is asked for, and id and schemas always', () => {
    expect(Object.keys(shown('userName'))).to.have.members(['schemas', 'id', 'userName']);
    expect(shown(' USERNAME , name.familyName,emails.value')).to.deep.equal({
      schemas: resource.schemas,
      id: resource.id,
      userName: 'ada',
      name: { familyName: 'Byron' },
      emails: [{ value: 'a@x' }],
    });
    expect(shown(`${ENTERPRISE}:manager`)).to.deep.equal({
      schemas: resource.schemas,
      id: resource.id,
      [ENTERPRISE]: { manager: { value: '7' } },
    });
    expect(shown(ENTERPRISE)[ENTERPRISE]).to.deep.equal(resource[ENTERPRISE]);
    expect(shown(`${USER}:title,shoeSize`)).to.include({ title: 'Clerk', shoeSize: 43 });
    expect(shown(['title', 'nothing'])).to.have.all.keys('schemas', 'id', 'title');
    expect(shown('nothing')).to.have.all.keys('schemas', 'id');
    expect(shown('')).to.deep.equal(resource);
  });

  it('SC-15 leaves out what is excluded, but never id and schemas', () => {
    expect(shown(undefined, 'title,id,schemas,meta')).to.not.have.any.keys('title', 'meta');
    expect(shown(undefined, 'id,schemas')).to.include.keys('id', 'schemas');
    expect(shown(undefined, 'name.givenName').name).to.deep.equal({ familyName: 'Byron' });
    expect(shown(undefined, ENTERPRISE)).to.not.have.property(ENTERPRISE);
    expect(shown(undefined, `${ENTERPRISE}:manager`)[ENTERPRISE]).to.deep.equal({ department: 'Math' });
    expect(shown('title,userName', 'title')).to.have.all.keys('schemas', 'id', 'userName');
  });

  it('SC-15 never shows a password, though it is asked for or stood in the resource', () => {
    const poisoned = { ...resource, password: 'x' };
    for (const attributes of [undefined, 'password', `${USER}:password`]) {
      expect(project(poisoned, readProjection(attributes, undefined, registry), registry)).to.not.have.property(
        'password',
      );
    }
  });

  it('says whether members are wanted, before they are loaded (Entra leaves them out)', () => {
    const group = engine.registries.Group;
    expect(isShown(readProjection(undefined, 'members', group), 'members', group)).to.equal(false);
    expect(isShown(readProjection('displayName', undefined, group), 'members', group)).to.equal(false);
    expect(isShown(readProjection('members.value', undefined, group), 'members', group)).to.equal(true);
    expect(isShown(readProjection(undefined, undefined, group), 'members', group)).to.equal(true);
    expect(isShown(readProjection(undefined, 'members.display', group), 'members', group)).to.equal(true);
  });

  it('does not change the resource', () => {
    const before = structuredClone(resource);
    shown('name.familyName', 'emails.type');
    expect(resource).to.deep.equal(before);
  });
});
