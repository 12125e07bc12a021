import { expect } from 'chai';
import { Type } from 'typebox';
import { everyProblem } from '../../src/http/validate.ts';
import { type World, world } from '../support/world.ts';

describe('http/validate', () => {
  it('says in words what a pattern means, never the pattern', () => {
    const says = 'must be lower-case letters';
    const shape = Type.Object({
      told: Type.Optional(Type.Union([Type.String({ pattern: '^[a-z]+$', 'x-says': says }), Type.Null()])),
      untold: Type.Optional(Type.String({ pattern: '^[a-z]+$' })),
    });
    expect(everyProblem('body', shape, { told: 'A', untold: 'A' })).to.deep.equal([
      { pointer: '/body/told', detail: says },
      { pointer: '/body/untold', detail: 'does not have the expected form' },
    ]);
  });

  describe('over HTTP', () => {
    let w: World;
    before(async () => {
      w = await world();
    });
    after(() => w.close());

    it('a slug that is refused is told what may stand in one', async () => {
      const { status, body } = await w.api<{ errors: { detail: string }[] }>('POST', '/organizations', {
        org_name: 'Acme',
        slug: 'Acme Ltd',
      });
      expect([status, body.errors]).to.deep.equal([
        400,
        [
          {
            pointer: '/body/slug',
            detail: 'must be 1 to 63 lower-case letters (a to z), digits and hyphens, with no hyphen at its ends',
          },
        ],
      ]);
    });
  });
});
