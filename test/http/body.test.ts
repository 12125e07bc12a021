/** What bad bodies get: a clear fault, quickly, and nothing of them inside. */
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect } from 'chai';
import Koa, { type Context } from 'koa';
import { Type } from 'typebox';
import type { Fault } from '../../src/core/fault.ts';
import { inspect, maxValues, measure, readBody } from '../../src/http/body.ts';
import { route } from '../../src/http/route.ts';
import { type World, world } from '../support/world.ts';
import { type Served, serveRoutes } from './served.ts';

const Loose = Type.Object({ name: Type.Optional(Type.String()), any: Type.Optional(Type.Unknown()) });
const echo = (path: string, bodyLimit?: number) =>
  route({
    method: 'post',
    path,
    operationId: `create${path.slice(1)}`,
    summary: 'Give it back.',
    group: 'Echo',
    body: Loose,
    reply: Type.Object({ name: Type.Optional(Type.String()) }),
    permission: null,
    bodyLimit,
    run: async (_call, { body }) => body as { name?: string },
  });

describe('http/body', () => {
  let w: World;
  let served: Served;
  before(async () => {
    w = await world();
    served = await serveRoutes(w.app, [echo('/echo'), echo('/small', 100)]);
  });
  after(async () => {
    await served.close();
    await w.close();
  });

  const outcome = async (json: string, headers: Record<string, string> = {}) => {
    const reply = await served.post('/api/v1/echo', json, headers);
    return [reply.status, reply.status < 400 ? reply.body : reply.body.code];
  };

  it('reads JSON, with a charset too', async () => {
    expect(await outcome('{"name":"Zoë 🙂"}', { 'content-type': 'application/json; charset=UTF-8' })).to.deep.equal([
      200,
      { name: 'Zoë 🙂' },
    ]);
  });

  it('says body_malformed for what is no JSON object', async () => {
    for (const json of [
      '{',
      '{"a":1,}',
      "{'a':1}",
      'undefined',
      '{"a":NaN}',
      '\u0000',
      '{"a":1}{"b":2}',
      '"text"',
      '7',
    ]) {
      expect(await outcome(json), json).to.deep.equal([400, 'body_malformed']);
    }
  });

  it('AZ-07: reads its media type only, and no compressed body', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
      '',
    ]) {
      expect(await outcome('{"name":"a"}', { 'content-type': type }), type).to.deep.equal([
        415,
        'media_type_unsupported',
      ]);
    }
    for (const encoding of ['gzip', 'br', 'deflate']) {
      expect(await outcome('{}', { 'content-encoding': encoding })).to.deep.equal([415, 'media_type_unsupported']);
    }
  });

  it('refuses null characters and broken Unicode wherever they stand', async () => {
    for (const json of [
      '{"name":"a\\u0000b"}',
      '{"any":["x",{"y":"\\u0000"}]}',
      '{"any":{"\\u0000":1}}',
      '{"name":"\\ud800"}',
      '{"any":{"\\udc00":1}}',
    ]) {
      expect(await outcome(json), json).to.deep.equal([400, 'body_malformed']);
    }
  });

  it('refuses bytes that are no UTF-8 instead of keeping something else', async () => {
    const bytes = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    const raw = await fetch(`${w.url}/api/v1/organizations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${w.apiKey}`, 'content-type': 'application/json' },
      body: bytes,
    });
    expect([raw.status, ((await raw.json()) as { code: string }).code]).to.deep.equal([400, 'body_malformed']);
  });

  it('SC-06: refuses names that reach into prototypes, and pollutes none', async () => {
    for (const json of [
      '{"__proto__":{"polluted":true}}',
      '{"constructor":{"prototype":{"polluted":true}}}',
      '{"any":[{"__proto__":{"polluted":true}}]}',
      '{"any":{"prototype":1}}',
    ]) {
      expect(await outcome(json), json).to.deep.equal([400, 'body_malformed']);
    }
    expect(({} as { polluted?: boolean }).polluted).to.equal(undefined);
  });

  it('AZ-07: refuses depth beyond 32, and is not slowed by a depth of 100,000', async () => {
    const nested = (depth: number) => `{"any":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(await outcome(nested(31))).to.deep.equal([200, {}]);
    expect(await outcome(nested(33))).to.deep.equal([400, 'body_malformed']);
    const began = performance.now();
    expect(await outcome(nested(100_000))).to.deep.equal([400, 'body_malformed']);
    expect(await outcome(`{"any":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`)).to.deep.equal([
      400,
      'body_malformed',
    ]);
    expect(performance.now() - began).to.be.below(2000);
  });

  it('names the place, bounded in length', () => {
    try {
      inspect({ a: [{ b: '\u0000' }] });
      expect.fail('it passed');
    } catch (error) {
      expect((error as Fault).errors).to.deep.equal([
        { pointer: '/body/a/0/b', detail: 'Null characters are not accepted.' },
      ]);
    }
  });

  it('RE-17: counts what the text holds before it is parsed, and reads what is within quotes as text', () => {
    const counted = (text: string): string => {
      try {
        measure(text);
        return 'read';
      } catch (error) {
        return (error as Fault).code;
      }
    };
    const list = (count: number) => `[${'0,'.repeat(count - 1)}0]`;
    expect(counted(list(maxValues))).to.equal('read');
    expect(counted(list(maxValues + 1))).to.equal('body_too_large');
    expect(counted(`[${'{},'.repeat(maxValues / 2)}0]`)).to.equal('body_too_large');
    expect(counted(`{"a":"${',[{'.repeat(maxValues)}"}`)).to.equal('read');
    expect(counted(`{"a":"\\"${','.repeat(maxValues + 2)}"}`)).to.equal('read');
    expect(counted(`{"a":"\\\\"${','.repeat(maxValues + 2)}"}`)).to.equal('body_too_large');
    expect(counted(`{"a":"\\\\\\"${','.repeat(maxValues + 2)}"}`)).to.equal('read');
    expect(counted(`{"a":"${'\\'.repeat(300_000)}`)).to.equal('read');
    expect(counted(`[${'[],'.repeat(10_000)}[]]`)).to.equal('read');
    expect(counted('['.repeat(32))).to.equal('read');
    expect(counted('['.repeat(33))).to.equal('body_malformed');
  });

  it('AZ-07: refuses more bytes than the route reads, told or not', async () => {
    expect(await outcome(JSON.stringify({ name: 'x'.repeat(1024 * 1024) }))).to.deep.equal([413, 'body_too_large']);
    const small = await served.post('/api/v1/small', JSON.stringify({ name: 'x'.repeat(100) }));
    expect([small.status, small.body.code]).to.deep.equal([413, 'body_too_large']);
    expect((await served.post('/api/v1/small', '{"name":"ok"}')).status).to.equal(200);
    const chunked = await stream(1024 * 1024 + 10_000);
    expect(chunked)
      .to.match(/^HTTP\/1\.1 413/)
      .and.to.include('body_too_large');
  });

  it('answers a body of 10 MB with 413 instead of reading it', async () => {
    const began = performance.now();
    const before = process.memoryUsage().arrayBuffers;
    expect(await stream(10 * 1024 * 1024)).to.match(/^HTTP\/1\.1 413/);
    expect(performance.now() - began).to.be.below(5000);
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(20 * 1024 * 1024);
  });

  it('RE-12: a body whose client left before it was read is refused, and keeps nobody waiting for ever', async () => {
    const outcomes: Promise<unknown>[] = [];
    const server = createServer((request, response) => {
      const context = new Koa().createContext(request, response) as unknown as Context;
      // As while it is looked up who asks.
      const closed = new Promise<void>((resolve) => request.once('close', resolve));
      const read = closed.then(() => readBody(context)).catch((fault: Fault) => fault.code);
      const late = new Promise((resolve) => setTimeout(() => resolve('waits'), 1000));
      outcomes.push(Promise.race([read, late]));
    });
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    const { port } = server.address() as AddressInfo;
    for (const sent of ['', '{"name":']) {
      const socket = connect(port, 'localhost');
      const head =
        'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n';
      socket.write(head + sent);
      await new Promise((resolve) => server.once('request', resolve));
      socket.resetAndDestroy();
    }
    expect(await Promise.all(outcomes)).to.deep.equal(['body_malformed', 'body_malformed']);
    await new Promise((resolve) => server.close(resolve));
  });

  /** Sends a chunked body by hand until the server answers. */
  function stream(bytes: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(served.port, 'localhost');
      let answer = '';
      let sent = 0;
      const chunk = Buffer.alloc(16_384, 'x');
      const frame = Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]);
      const write = () => {
        while (sent < bytes && answer === '' && !socket.destroyed) {
          sent += chunk.length;
          if (!socket.write(frame)) return void socket.once('drain', write);
        }
        if (answer === '' && !socket.destroyed) socket.write('0\r\n\r\n');
      };
      socket.on('data', (data) => {
        answer += data.toString('utf8');
        if (answer.includes('request_id')) socket.destroy();
      });
      socket.on('close', () => resolve(answer));
      socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer)));
      socket.write(
        `POST /api/v1/echo HTTP/1.1\r\nHost: localhost:${served.port}\r\nAuthorization: Bearer x\r\n` +
          'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n"\r\n',
      );
      write();
    });
  }
});
