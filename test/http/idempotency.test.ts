/** Idempotency-Key: the same answer, once, also when both come at the same time. */
import { createHash, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Type } from 'typebox';
import { Fault } from '../../src/core/fault.ts';
import { newId } from '../../src/core/id.ts';
import { expireIdempotencyKeys } from '../../src/http/idempotency.ts';
import { route } from '../../src/http/route.ts';
import { onPostgres } from '../support/database.ts';
import { type World, world } from '../support/world.ts';
import { type Served, serveRoutes } from './served.ts';
import { until } from '../support/waiting.ts';

const happened = { name: 'thing.made', object_type: 'thing', says: 'A thing was made.' };

describe('http/idempotency', () => {
  let w: World;
  let served: Served;
  let refuse = false;
  before(async () => {
    w = await world();
    const make = (operationId: string, path: string) =>
      route({
        method: 'post',
        path,
        operationId,
        summary: 'Make one.',
        group: 'Things',
        body: Type.Object({ name: Type.String() }),
        reply: Type.Object({ thing_id: Type.String(), secret: Type.String() }),
        status: 201,
        permission: null,
        run: (call, { body }) =>
          call.write(async (inner) => {
            const thing_id = newId();
            await inner.emit(happened, { org_id: null, object_id: body.name });
            if (refuse) throw new Fault('conflict');
            return { thing_id, secret: `canary-${thing_id}` };
          }),
      });
    served = await serveRoutes(w.app, [make('createThing', '/things'), make('createOther', '/others')]);
  });
  after(async () => {
    await served.close();
    await w.close();
  });

  const post = (name: string, key: string, headers: Record<string, string> = {}, path = '/api/v1/things') =>
    served.post(path, JSON.stringify({ name }), { 'idempotency-key': key, ...headers });
  const made = async (object_id: string) => Number((await w.db('audit_logs').where({ object_id }).count())[0]?.count);

  it('gives the same answer to the same request, and does it once', async () => {
    const [name, key] = [randomUUID(), randomUUID()];
    const first = await post(name, key);
    const again = await post(name, key);
    expect([first.status, again.status]).to.deep.equal([201, 201]);
    expect(again.text).to.equal(first.text);
    expect([first.headers['idempotency-replayed'], again.headers['idempotency-replayed']]).to.deep.equal([
      undefined,
      'true',
    ]);
    expect(await made(name)).to.equal(1);
  });

  it('refuses another request under the same key', async () => {
    const key = randomUUID();
    await post(randomUUID(), key);
    const other = await post(randomUUID(), key);
    expect([other.status, other.body.code]).to.deep.equal([422, 'idempotency_key_reused']);
    const name = randomUUID();
    const key2 = randomUUID();
    await post(name, key2);
    const elsewhere = await post(name, key2, {}, '/api/v1/others');
    expect([elsewhere.status, elsewhere.body.code]).to.deep.equal([422, 'idempotency_key_reused']);
  });

  it('keeps the keys of actors apart', async () => {
    const [name, key] = [randomUUID(), randomUUID()];
    const mine = await post(name, key);
    const theirs = await post(name, key, { 'x-test-actor': 'somebody-else' });
    expect(theirs.status).to.equal(201);
    expect(theirs.text).not.to.equal(mine.text);
  });

  it('keeps nothing of a refused request, so that it can be sent again', async () => {
    const [name, key] = [randomUUID(), randomUUID()];
    refuse = true;
    const refused = await post(name, key);
    refuse = false;
    expect([refused.status, await made(name)]).to.deep.equal([409, 0]);
    expect((await post(name, key)).status).to.equal(201);
  });

  it('happens exactly once when twelve come at the same time', async function () {
    this.timeout(30_000);
    for (let round = 0; round < (onPostgres ? 10 : 2); round += 1) {
      const [name, key] = [randomUUID(), randomUUID()];
      const replies = await Promise.all(Array.from({ length: 12 }, () => post(name, key)));
      expect(replies.map(({ status }) => status)).to.deep.equal(Array.from({ length: 12 }, () => 201));
      expect(new Set(replies.map(({ text }) => text)).size).to.equal(1);
      expect(await made(name)).to.equal(1);
    }
  });

  it('SD-01: keeps the answer sealed', async () => {
    await post(randomUUID(), randomUUID());
    const rows = await w.db('idempotency_keys').select();
    expect(rows.length).to.be.greaterThan(0);
    expect(JSON.stringify(rows)).not.to.include('canary-');
  });

  it('SD-03: keeps no plain hash of the request, which may have a password in it', async () => {
    const [name, key] = [randomUUID(), randomUUID()];
    await post(name, key);
    const { request_hash } = await w.db('idempotency_keys').where({ key }).first('request_hash');
    const input = { params: {}, query: {}, body: { name } };
    const plain = createHash('sha256')
      .update(JSON.stringify(['createThing', input]))
      .digest('base64url');
    expect(request_hash)
      .to.match(/^[\w-]{43}$/)
      .and.not.to.equal(plain);
  });

  it('deletes what nobody can ask for again, and nothing else', async () => {
    const [old, young] = [randomUUID(), randomUUID()];
    await post(randomUUID(), old);
    w.skew = 24 * 60 * 60 * 1000 + 1000;
    try {
      await post(randomUUID(), young);
      expect(await expireIdempotencyKeys(w.app)).to.be.at.least(1);
      expect(await w.db('idempotency_keys').pluck('key')).to.deep.equal([young]);
    } finally {
      w.skew = 0;
      await w.db('idempotency_keys').where({ key: young }).delete();
    }
  });

  it('forgets a key after a day', async () => {
    const [name, key] = [randomUUID(), randomUUID()];
    await post(name, key);
    w.skew = 24 * 60 * 60 * 1000 + 1000;
    try {
      expect((await post(name, key)).headers['idempotency-replayed']).to.equal(undefined);
      expect(await made(name)).to.equal(2);
    } finally {
      w.skew = 0;
    }
  });

  it('refuses keys that are none', async () => {
    for (const key of ['a b', 'x'.repeat(256), 'ü']) {
      const reply = await post(randomUUID(), Buffer.from(key).toString('latin1'));
      expect([reply.status, reply.body.code], key).to.deep.equal([400, 'request_invalid']);
    }
  });

  describe('what takes long', () => {
    /** Somebody far away who answers when told to. */
    class Slow {
      asked = 0;
      refuses = false;
      #go: (() => void)[] = [];
      wait = async (): Promise<string> => {
        this.asked += 1;
        if (this.refuses) throw new Fault('egress_failed');
        await new Promise<void>((resolve) => this.#go.push(resolve));
        return 'ready';
      };
      async reached(count: number): Promise<void> {
        await until(() => this.asked >= count);
      }
      go(): void {
        for (const resolve of this.#go.splice(0)) resolve();
      }
    }
    let slow: Slow;
    let far: Served;
    beforeEach(async () => {
      slow = new Slow();
      const prepared = route({
        method: 'post',
        path: '/far',
        operationId: 'createFar',
        summary: 'Make one from far away.',
        group: 'Things',
        body: Type.Object({ name: Type.String() }),
        reply: Type.Object({ said: Type.String() }),
        status: 201,
        permission: null,
        prepare: () => slow.wait(),
        run: (call, { body }, said) =>
          call.write(async (inner) => {
            await inner.emit(happened, { org_id: null, object_id: body.name });
            return { said };
          }),
      });
      far = await serveRoutes(w.app, [prepared]);
    });
    afterEach(() => far.close());
    const send = (name: string, key: string) =>
      far.post('/api/v1/far', JSON.stringify({ name }), { 'idempotency-key': key });

    it('RE-15: is prepared before the transaction, which holds no connection meanwhile', async () => {
      const name = randomUUID();
      const waiting = send(name, randomUUID());
      await slow.reached(1);
      // The embedded database has one connection: it must be free.
      const [row] = await w.db('idempotency_keys').where({ route: 'createFar', status: 'pending' }).count();
      expect(Number(row?.count)).to.equal(0);
      expect(await made(name)).to.equal(0);
      slow.go();
      const answer = await waiting;
      expect([answer.status, answer.body.said]).to.deep.equal([201, 'ready']);
      expect(await made(name)).to.equal(1);
    });

    it('is not asked for again where the answer is known, even when it would fail by now', async () => {
      const [name, key] = [randomUUID(), randomUUID()];
      const first = send(name, key);
      await slow.reached(1);
      slow.go();
      expect((await first).status).to.equal(201);
      slow.refuses = true;
      const again = await send(name, key);
      expect([again.status, again.headers['idempotency-replayed'], slow.asked]).to.deep.equal([201, 'true', 1]);
      const other = await send(randomUUID(), key);
      expect([other.status, other.body.code]).to.deep.equal([422, 'idempotency_key_reused']);
      expect(await made(name)).to.equal(1);
    });

    it('happens once when two come at the same time, and leaves nothing when it fails', async () => {
      const [name, key] = [randomUUID(), randomUUID()];
      const both = [send(name, key), send(name, key)];
      await slow.reached(2);
      slow.go();
      const answers = await Promise.all(both);
      expect(answers.map(({ status }) => status)).to.deep.equal([201, 201]);
      expect(await made(name)).to.equal(1);
      slow.refuses = true;
      const failing = randomUUID();
      expect((await send(failing, failing)).status).to.equal(400);
      slow.refuses = false;
      const corrected = send(failing, failing);
      await slow.reached(4);
      slow.go();
      expect((await corrected).status).to.equal(201);
    });
  });
});
