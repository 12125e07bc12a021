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

  it('says a length in words', () => {
    const shape = Type.Object({
      name: Type.Optional(Type.String({ minLength: 1, maxLength: 3 })),
      key: Type.Optional(Type.String({ minLength: 8 })),
      tags: Type.Optional(Type.Array(Type.String(), { maxItems: 1 })),
    });
    const details = (value: object) => everyProblem('body', shape, value).map(({ detail }) => detail);
    expect(details({ name: '', key: 'short', tags: ['a', 'b'] }).sort()).to.deep.equal([
      'must have at least 8 characters',
      'must have at most 1 items',
      'must not be empty',
    ]);
    expect(details({ name: 'long', key: 8 }).sort()).to.deep.equal([
      'must be string',
      'must have at most 3 characters',
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
