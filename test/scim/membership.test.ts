/** PATCH of a group's members as a delta, without loading the group (checklist SC-13). */
import { expect } from 'chai';
import { Notes } from '../../src/scim/leniency.ts';
import { compileMembership } from '../../src/scim/membership.ts';
import { parsePatch } from '../../src/scim/patch.ts';
import { Engine, GROUP, operations } from './engine.ts';
import { uuid } from './directory.ts';
import { expectRefusal } from './refusal.ts';

describe('scim/membership', () => {
  const [a, b, c] = [uuid(2, 1), uuid(2, 2), uuid(2, 3)];
  const registry = new Engine().registries.Group;
  const compile = (...list: object[]) => {
    const notes = new Notes();
    const delta = compileMembership(parsePatch(operations(...list), registry, notes), notes);
    return { ...delta, rules: notes.list.map(({ rule }) => rule) };
  };
  const delta = (...list: object[]) => {
    const { add, remove, replace, needsGroup } = compile(...list);
    return { add, remove, replace, needsGroup };
  };
  const plain = { add: [], remove: [], replace: undefined, needsGroup: false };

  it('SC-13 turns additions and removals into ids, whatever their form, without loading the group', () => {
    for (const value of [
      [{ value: a }],
      { value: a },
      a,
      [a],
      [{ value: a.toUpperCase(), display: 'x', type: 'User', $ref: 'y' }],
    ]) {
      expect(delta({ op: 'Add', path: 'members', value }), JSON.stringify(value)).to.deep.equal({ ...plain, add: [a] });
      expect(delta({ op: 'Remove', path: 'members', value }), JSON.stringify(value)).to.deep.equal({
        ...plain,
        remove: [a],
      });
      expect(delta({ op: 'replace', path: 'members', value })).to.deep.equal({ ...plain, replace: [a] });
      expect(delta({ op: 'add', value: { members: value } })).to.deep.equal({ ...plain, add: [a] });
    }
    expect(delta({ op: 'remove', path: `members[value eq "${a}"]` })).to.deep.equal({ ...plain, remove: [a] });
    expect(delta({ op: 'remove', path: `members[value eq "${a}" or value eq "${b}"]` })).to.deep.equal({
      ...plain,
      remove: [a, b],
    });
  });

  it('keeps the order of operations', () => {
    expect(
      delta({ op: 'add', path: 'members', value: [a, b] }, { op: 'remove', path: 'members', value: [a] }),
    ).to.deep.equal({
      ...plain,
      add: [b],
      remove: [a],
    });
    expect(
      delta({ op: 'remove', path: 'members', value: [a] }, { op: 'add', path: 'members', value: [a] }),
    ).to.deep.equal({ ...plain, add: [a] });
    expect(
      delta(
        { op: 'add', path: 'members', value: [c] },
        { op: 'replace', path: 'members', value: [a] },
        { op: 'add', path: 'members', value: [b] },
        { op: 'remove', path: 'members', value: [a] },
      ),
    ).to.deep.equal({
      ...plain,
      replace: [b],
    });
  });

  it('empties a group when told to, and never because of an empty list', () => {
    expect(delta({ op: 'replace', path: 'members', value: [] })).to.deep.equal({ ...plain, replace: [] });
    expect(delta({ op: 'remove', path: 'members' })).to.deep.equal({ ...plain, replace: [] });
    expect(delta({ op: 'Remove', path: 'members', value: [] })).to.deep.equal(plain);
    expect(compile({ op: 'remove', path: 'members', value: [] }).rules).to.deep.equal(['empty-removal-ignored']);
    expect(delta({ op: 'add', path: 'members', value: [] })).to.deep.equal(plain);
  });

  it('a member to be must be an id; what is no id is no member already', () => {
    expectRefusal(() => compile({ op: 'add', path: 'members', value: [{ value: 'u1091' }] }), 400, 'invalidValue');
    expectRefusal(() => compile({ op: 'replace', path: 'members', value: ['1; drop table'] }), 400, 'invalidValue');
    expect(delta({ op: 'remove', path: 'members', value: [{ value: 'u1091' }] })).to.deep.equal(plain);
    expect(delta({ op: 'remove', path: 'members[value eq "u1091"]' })).to.deep.equal(plain);
  });

  it('leaves other operations in order, and asks for the group when ids are not enough', () => {
    const { other, add } = compile(
      { op: 'replace', value: { id: 'x', displayName: 'New' } },
      { op: 'add', path: 'members', value: [a] },
      { op: 'replace', path: 'externalId', value: 'e' },
    );
    expect(other.map(({ target }) => target.kind === 'attribute' && target.attribute.path)).to.deep.equal([
      'displayName',
      'externalId',
    ]);
    expect(add).to.deep.equal([a]);
    expect(delta({ op: 'remove', path: 'members[type eq "User"]' }).needsGroup).to.equal(true);
    expect(delta({ op: 'remove', path: 'members[display sw "x"]' }).needsGroup).to.equal(true);
    expectRefusal(
      () => compile({ op: 'replace', path: `members[value eq "${a}"].value`, value: b }),
      400,
      'mutability',
    );
    const engine = new Engine();
    const group = engine.post('Group', { schemas: [GROUP], displayName: 'G', members: [a, b] });
    const emptied = engine.patch(
      'Group',
      group.id as string,
      operations({ op: 'remove', path: 'members[type eq "User"]' }),
    );
    expect(emptied.members).to.deep.equal([]);
  });

  it('20,000 ids in one message are read once each', () => {
    const value = Array.from({ length: 20_000 }, (_, number) => ({ value: uuid(2, number) }));
    expect(compile({ op: 'add', path: 'members', value }).add).to.have.length(20_000);
  });
});
