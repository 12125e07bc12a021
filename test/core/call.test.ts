import { expect } from 'chai';
import { type Actor, anonymous, Call, systemActor } from '../../src/core/call.ts';
import type { EventDefinition } from '../../src/core/event.ts';
import { Fault } from '../../src/core/fault.ts';
import { newId } from '../../src/core/id.ts';
import { type World, world } from '../support/world.ts';

const happened: EventDefinition = { name: 'thing.happened', object_type: 'thing', says: 'Something happened.' };

describe('core/call', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  after(() => w.close());

  const refused = (work: () => unknown): string => {
    try {
      work();
    } catch (error) {
      return error instanceof Fault ? error.code : String(error);
    }
    return 'nothing';
  };
  const caught = async (work: () => Promise<unknown>): Promise<unknown> =>
    work().then(
      () => undefined,
      (error: unknown) => error,
    );
  const rows = async (object_id: string) => Number((await w.db('audit_logs').where({ object_id }).count())[0]?.count);

  describe('require', () => {
    const own = newId();
    const foreign = newId();
    const member: Actor = {
      type: 'user',
      id: newId(),
      label: 'ann@a.example',
      reach: { org_id: own },
      permissions: new Set(['roles.read']),
    };
    const full: Actor = { ...member, permissions: 'all' };

    it('MT-01: says not_found for another organization, whatever the permissions', () => {
      expect(refused(() => w.call(full).require('roles.read', foreign))).to.equal('not_found');
      expect(refused(() => w.call(member).require('roles.read', foreign))).to.equal('not_found');
      expect(w.call(full).may('roles.read', foreign)).to.equal(false);
    });

    it('AZ-01: says not_allowed for a missing permission, and for the system itself', () => {
      expect(refused(() => w.call(member).require('roles.manage', own))).to.equal('not_allowed');
      expect(refused(() => w.call(full).require('roles.read', null))).to.equal('not_allowed');
      expect(w.call(member).may('roles.manage', own)).to.equal(false);
    });

    it('says unauthenticated to nobody', () => {
      expect(refused(() => w.call(anonymous).require('roles.read', own))).to.equal('unauthenticated');
      expect(refused(() => w.call(anonymous).require('roles.read', null))).to.equal('unauthenticated');
    });

    it('passes who may', () => {
      expect(refused(() => w.call(member).require('roles.read', own))).to.equal('nothing');
      expect(refused(() => w.call(systemActor('retention')).require('roles.read', foreign))).to.equal('nothing');
      expect(refused(() => w.call(systemActor('retention')).require('roles.read', null))).to.equal('nothing');
    });

    it('AZ-01: holds a system administrator to the permissions that she has', () => {
      const administrator: Actor = { ...member, reach: 'system' };
      expect(refused(() => w.call(administrator).require('roles.read', foreign))).to.equal('nothing');
      expect(refused(() => w.call(administrator).require('roles.manage', foreign))).to.equal('not_allowed');
    });
  });

  describe('write', () => {
    it('AL-02: keeps the event with the change, and neither when the work fails', async () => {
      const object_id = newId();
      await w.call().write((call) => call.emit(happened, { org_id: null, object_id }));
      expect(await rows(object_id)).to.equal(1);
      const lost = newId();
      const error = await caught(() =>
        w.call().write(async (call) => {
          await call.emit(happened, { org_id: null, object_id: lost });
          throw new Fault('conflict');
        }),
      );
      expect(error).to.be.instanceOf(Fault);
      expect(await rows(lost)).to.equal(0);
    });

    it('joins the transaction that is open', async () => {
      const object_id = newId();
      const error = await caught(() =>
        w.call().write(async (outer) => {
          await outer.write((inner) => inner.emit(happened, { org_id: null, object_id }));
          expect(outer.inTransaction).to.equal(true);
          throw new Error('late');
        }),
      );
      expect((error as Error).message).to.equal('late');
      expect(await rows(object_id)).to.equal(0);
    });

    it('runs hooks once, after the commit, and never when the work failed', async () => {
      const ran: string[] = [];
      const object_id = newId();
      await w.call().write(async (call) => {
        call.afterCommit(async () => void ran.push(`hook sees ${await rows(object_id)}`));
        await call.write(async (inner) => inner.afterCommit(() => void ran.push('inner')));
        await call.as(systemActor('x')).emit(happened, { org_id: null, object_id });
        ran.push('work');
      });
      expect(ran).to.deep.equal(['work', 'hook sees 1', 'inner']);
      await caught(() =>
        w.call().write(async (call) => {
          call.afterCommit(() => void ran.push('never'));
          throw new Error('no');
        }),
      );
      expect(ran).not.to.include('never');
    });

    it('does not deny a committed change because a hook failed', async () => {
      const before = w.logLines.length;
      const result = await w.call().write(async (call) => {
        call.afterCommit(() => {
          throw new Error('dead sink');
        });
        return 'kept';
      });
      expect(result).to.equal('kept');
      expect(w.logLines.slice(before).join()).to.include('an after-commit hook failed');
    });

    it('tries again after a deadlock or a serialization failure, and forgets the lost try', async () => {
      for (const code of ['40001', '40P01']) {
        let tries = 0;
        const hooks: number[] = [];
        const object_id = newId();
        await w.call().write(async (call) => {
          tries += 1;
          const mine = tries;
          call.afterCommit(() => void hooks.push(mine));
          await call.emit(happened, { org_id: null, object_id });
          if (tries < 3) throw Object.assign(new Error('try again'), { code });
        });
        expect([tries, hooks, await rows(object_id)], code).to.deep.equal([3, [3], 1]);
      }
    });

    it('gives up after three tries, and does not repeat what may have happened', async () => {
      for (const [code, expected] of [
        ['40001', 3],
        ['23505', 1],
        ['ECONNRESET', 1],
      ] as const) {
        let tries = 0;
        await caught(() =>
          w.call().write(async ({ db }) => {
            tries += 1;
            // Answered, so that the transaction is under way.
            await db.raw('select 1');
            throw Object.assign(new Error('no'), { code });
          }),
        );
        expect(tries, code).to.equal(expected);
      }
    });
  });

  it('AL-04: writes who, in whose organization, from where, with which request, and no secret', async () => {
    const object_id = newId();
    const actor: Actor = { type: 'user', id: newId(), label: 'ann@a.example', reach: 'system', permissions: 'all' };
    const facts = { request_id: newId(), ip: '192.0.2.7', user_agent: 'Firefox' };
    await Call.begin(w.app, actor, facts).write((call) =>
      call.emit(happened, {
        org_id: null,
        object_id,
        before: { name: 'a' },
        after: { name: 'b', password: 'hunter2' },
      }),
    );
    const row = await w.db('audit_logs').where({ object_id }).first();
    expect(row).to.include({
      action: 'thing.happened',
      object_type: 'thing',
      actor_type: 'user',
      actor_id: actor.id,
      actor_label: 'ann@a.example',
      user_id: actor.id,
      request_id: facts.request_id,
      result: 'success',
      user_agent: 'Firefox',
    });
    expect(String(row.ip_address)).to.match(/^192\.0\.2\.7/);
    expect(row.details).to.deep.equal({ before: { name: 'a' }, after: { name: 'b', password: '[redacted]' } });
  });

  it('refuses to emit or to plan hooks outside of write', async () => {
    const error = await caught(() => w.call().emit(happened, { org_id: null, object_id: 'x' }));
    expect((error as Error).message).to.match(/outside of write/);
    expect(() => w.call().afterCommit(() => undefined)).to.throw(/inside write/);
  });
});
