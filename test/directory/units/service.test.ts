import { expect } from 'chai';
import { createUnit, deleteUnit, listUnits, readUnit, updateUnit } from '../../../src/directory/units/service.ts';
import { type World, world } from '../../support/world.ts';
import { codeOf, countEvents, makeActor, makeOrganization } from '../cast.ts';

describe('directory/units', () => {
  let w: World;

  before(async () => {
    w = await world();
  });
  after(() => w.close());

  it('keeps path and level of a tree, also when a part of it moves', async () => {
    const { org_id } = await makeOrganization(w);
    const make = (name: string, parent_id?: string) => createUnit(w.call(), org_id, { name, parent_id });
    const top = await make('Top');
    const sales = await make('Sales', top.unit_id);
    const north = await make('North', sales.unit_id);
    const other = await make('Other');
    expect(north).to.include({ level: 2, path: `/${top.unit_id}/${sales.unit_id}/${north.unit_id}` });
    await updateUnit(w.call(), org_id, sales.unit_id, { parent_id: other.unit_id });
    expect(await readUnit(w.call(), org_id, north.unit_id)).to.include({
      level: 2,
      path: `/${other.unit_id}/${sales.unit_id}/${north.unit_id}`,
    });
    await updateUnit(w.call(), org_id, sales.unit_id, { parent_id: null });
    expect(await readUnit(w.call(), org_id, north.unit_id)).to.include({ level: 1 });
    expect(
      (await listUnits(w.call(), org_id, { parent_id: sales.unit_id })).items.map(({ name }) => name),
    ).to.deep.equal(['North']);
    expect(await countEvents(w, 'unit.updated', sales.unit_id)).to.equal(2);
  });

  it('stands no unit below itself, below a stranger, or beside its like', async () => {
    const { org_id } = await makeOrganization(w);
    const foreign = await createUnit(w.call(), (await makeOrganization(w)).org_id, { name: 'Foreign' });
    const top = await createUnit(w.call(), org_id, { name: 'Top' });
    const below = await createUnit(w.call(), org_id, { name: 'Below', parent_id: top.unit_id });
    const move = (unit_id: string, parent_id: string) => codeOf(updateUnit(w.call(), org_id, unit_id, { parent_id }));
    expect(await move(top.unit_id, below.unit_id)).to.equal('unit_misplaced');
    expect(await move(top.unit_id, top.unit_id)).to.equal('unit_misplaced');
    expect(await move(top.unit_id, foreign.unit_id)).to.equal('request_invalid');
    expect(await codeOf(createUnit(w.call(), org_id, { name: 'TOP' }))).to.equal('unit_name_taken');
    expect(await codeOf(deleteUnit(w.call(), org_id, top.unit_id))).to.equal('unit_not_empty');
    await deleteUnit(w.call(), org_id, below.unit_id);
    await deleteUnit(w.call(), org_id, top.unit_id);
    expect(await codeOf(readUnit(w.call(), org_id, top.unit_id))).to.equal('not_found');
  });

  it('is not deeper than 32', async () => {
    const { org_id } = await makeOrganization(w);
    let parent_id: string | undefined;
    for (let level = 0; level <= 32; level += 1) {
      parent_id = (await createUnit(w.call(), org_id, { name: `L${level}`, parent_id })).unit_id;
    }
    expect(await codeOf(createUnit(w.call(), org_id, { name: 'Deeper', parent_id }))).to.equal('unit_misplaced');
  });

  it('MT-02: is not there for others', async () => {
    const theirs = await makeOrganization(w);
    const unit = await createUnit(w.call(), theirs.org_id, { name: 'Theirs' });
    const mine = await makeOrganization(w);
    const { call } = await makeActor(w, mine, 'owner');
    expect(await codeOf(readUnit(call, mine.org_id, unit.unit_id))).to.equal('not_found');
    expect(await codeOf(updateUnit(call, mine.org_id, unit.unit_id, { name: 'X' }))).to.equal('not_found');
    expect(await codeOf(deleteUnit(call, theirs.org_id, unit.unit_id))).to.equal('not_found');
  });
});
