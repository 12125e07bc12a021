import { expect } from 'chai';
import { createServer, request as ask, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createLog } from '../../src/core/log.ts';
import { admit, type Admitted, type AdmissionLimits } from '../../src/http/admission.ts';
import type { DoorLoad } from '../../src/http/places.ts';
import { until } from '../support/waiting.ts';

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** A server whose work ends when the test says so. */
class Works {
  readonly begun: { path: string; end: () => void }[] = [];
  readonly log: string[] = [];
  readonly server: Server;
  readonly load: Admitted['load'];

  constructor(limits: Partial<AdmissionLimits> = {}) {
    const work = async (request: IncomingMessage, response: ServerResponse) => {
      await new Promise<void>((resolve) => this.begun.push({ path: request.url ?? '', end: resolve }));
      response.end('done');
    };
    const log = createLog('info', { write: (line: string) => void this.log.push(line) });
    const some = { running: 2, waiting: 3, deadlineMs: 5000, promptRefusals: 100, heldMs: 1000 };
    const admitted = admit(work, { ...some, ...limits }, log);
    this.load = admitted.load;
    this.server = createServer(admitted);
  }

  listen = (): Promise<void> => new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  send(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const sent = ask({ port: this.port, path, headers, method, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  /** The load of one door. */
  at(door: string): DoorLoad {
    const found = this.load()[door];
    if (!found) throw new Error(`There is no door ${door}.`);
    return found;
  }

  async reach(count: number): Promise<void> {
    while (this.begun.length < count) await new Promise((wake) => setTimeout(wake, 5));
  }

  async close(): Promise<void> {
    for (const { end } of this.begun) end();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const moment = () => new Promise((wake) => setTimeout(wake, 40));

describe('http/admission (RE-11)', () => {
  let works: Works;
  const start = async (limits: Partial<AdmissionLimits> = {}): Promise<Works> => {
    works = new Works(limits);
    await works.listen();
    return works;
  };
  afterEach(() => works.close());

  it('RE-11: works on so many, lets so many wait, and refuses the rest at once with Retry-After', async () => {
    await start();
    const { begun } = works;
    const send = (path: string) => works.send(path);
    const reach = (count: number) => works.reach(count);
    const answers = Array.from({ length: 5 }, () => send('/api/v1/x'));
    await until(() => works.at('api').waiting === 3);
    expect(begun).to.have.length(2);
    const refused = await send('/api/v1/x');
    expect([refused.status, refused.headers['retry-after'], refused.headers['content-type']]).to.deep.equal([
      503,
      '2',
      'application/problem+json',
    ]);
    expect(JSON.parse(refused.text)).to.include({ code: 'busy', status: 503, type: 'urn:lintel:fault:busy' });
    expect(JSON.parse(refused.text).request_id).to.equal(refused.headers['x-request-id']);
    for (let done = 0; done < 5; done += 1) {
      await reach(done + 1);
      expect(begun.length).to.be.at.most(done + 2);
      begun[done]?.end();
    }
    expect((await Promise.all(answers)).map(({ status }) => status)).to.deep.equal([200, 200, 200, 200, 200]);
    // All places are free again.
    const again = [send('/api/v1/x'), send('/api/v1/x')];
    await reach(7);
    for (const { end } of begun) end();
    expect((await Promise.all(again)).map(({ status }) => status)).to.deep.equal([200, 200]);
  });

  it('RE-15: a flood at one door leaves the others theirs, and health is always answered', async () => {
    await start({ waiting: 0 });
    const scim = [works.send('/scim/v2/Users'), works.send('/scim/v2/Users')];
    await works.reach(2);
    expect((await works.send('/scim/v2/Users')).status).to.equal(503);
    const idle = { running: 0, waiting: 0, refused: 0 };
    const busy = { running: 2, waiting: 0, refused: 1 };
    expect(works.load()).to.deep.equal({ oauth: idle, scim: busy, api: idle, saml: idle, signin: idle, other: idle });
    const others = ['/oauth/token', '/api/v1/users', '/signin/x', '/saml/x/acs', '/', '/health/live', '/health/ready'];
    const answers = others.map((path) => works.send(path));
    await works.reach(2 + others.length);
    for (const { end } of works.begun) end();
    expect((await Promise.all([...scim, ...answers])).map(({ status }) => status)).to.deep.equal(Array(9).fill(200));
  });

  it('refuses in the form of each door', async () => {
    await start({ running: 0, waiting: 0 });
    const scim = await works.send('/scim/v2/Users');
    expect(scim.headers['content-type']).to.equal('application/scim+json');
    expect(JSON.parse(scim.text)).to.include({ status: '503' });
    const oauth = await works.send('/oauth/token', {}, 'POST');
    expect(JSON.parse(oauth.text).error).to.equal('temporarily_unavailable');
    const page = await works.send('/signin/x', { accept: 'text/html,*/*' });
    expect([page.status, page.headers['content-type']]).to.deep.equal([503, 'text/html; charset=utf-8']);
    expect(page.headers['content-security-policy']).to.include("default-src 'none'");
    const head = await works.send('/', {}, 'HEAD');
    expect([head.status, head.text]).to.deep.equal([503, '']);
    for (const answer of [scim, oauth, page, head]) expect(answer.headers['retry-after']).to.equal('2');
  });

  it('refuses who has waited too long, and forgets who has gone', async () => {
    await start({ waiting: 1, deadlineMs: 50 });
    const first = [works.send('/x'), works.send('/x')];
    await works.reach(2);
    expect((await works.send('/x')).status).to.equal(503);
    await works.close();
    await Promise.allSettled(first);

    await start({ waiting: 1 });
    const running = [works.send('/x'), works.send('/x')];
    await works.reach(2);
    const gone = connect(works.port, '127.0.0.1', () => gone.write('GET /gone HTTP/1.1\r\nHost: x\r\n\r\n'));
    await until(() => works.at('other').waiting === 1);
    expect((await works.send('/x')).status).to.equal(503);
    gone.destroy();
    await until(() => works.at('other').waiting === 0);
    const next = works.send('/next');
    await until(() => works.at('other').waiting === 1);
    works.begun[0]?.end();
    await works.reach(3);
    expect(works.begun[2]?.path).to.equal('/next');
    for (const { end } of works.begun) end();
    expect((await Promise.all([...running, next])).map(({ status }) => status)).to.deep.equal([200, 200, 200]);
  });

  it('a client that goes away gives no place back while its request is still worked on', async () => {
    await start({ running: 1, waiting: 0 });
    const gone = connect(works.port, '127.0.0.1', () => gone.write('GET /gone HTTP/1.1\r\nHost: x\r\n\r\n'));
    await works.reach(1);
    gone.destroy();
    await moment();
    expect((await works.send('/x')).status).to.equal(503);
    works.begun[0]?.end();
    await until(() => works.at('other').running === 0);
    const next = works.send('/x');
    await works.reach(2);
    works.begun[1]?.end();
    expect((await next).status).to.equal(200);
  });

  it('RE-12: who sends slowly has half of the places and of the queue; whole requests go past', async () => {
    await start({ running: 4, waiting: 4, deadlineMs: 2000 });
    const post = (path: string, sent: string) => {
      const socket = connect(works.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n${sent}`);
      return socket;
    };
    const slow = Array.from({ length: 20 }, () => post('/oauth/slow', 'a'));
    await works.reach(2);
    await moment();
    expect(works.begun).to.have.length(2);
    const whole = [post('/oauth/whole', 'abcde'), works.send('/oauth/whole')];
    await works.reach(4);
    expect(works.begun.slice(2).map(({ path }) => path)).to.deep.equal(['/oauth/whole', '/oauth/whole']);
    // Now it is really full: the queue has room for whole ones too.
    const next = post('/oauth/next', 'abcde');
    await moment();
    works.begun[2]?.end();
    await works.reach(5);
    expect(works.begun[4]?.path).to.equal('/oauth/next');
    for (const socket of [...slow, next, whole[0] as typeof next]) socket.destroy();
    for (const { end } of works.begun) end();
    await whole[1];
  });

  it('RE-12: who waits for its own body has a place when it has arrived', async () => {
    await start({ running: 2, waiting: 2 });
    const head = 'POST /oauth/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na';
    const [slow, late] = [connect(works.port, '127.0.0.1'), connect(works.port, '127.0.0.1')];
    slow.write(head);
    await works.reach(1);
    late.write(head);
    await moment();
    expect(works.begun).to.have.length(1);
    late.write('b');
    await works.reach(2);
    slow.destroy();
    late.destroy();
  });

  it('MT-06: who comes with one key leaves a quarter of the places and of the queue to the others, who go past', async () => {
    await start({ running: 4, waiting: 4 });
    const { begun } = works;
    const from = (key: string, path: string, scheme = 'Bearer ') => works.send(path, { authorization: scheme + key });
    // However the header is written.
    const schemes = ['Bearer ', 'bearer ', 'BEARER  '];
    const noisy = Array.from({ length: 6 }, (_, index) => from('a', `/api/v1/noisy${index}`, schemes[index % 3]));
    await until(() => works.at('api').running + works.at('api').waiting === 6);
    // Three are worked on, three wait, and the next is refused, although there is a place and one to wait in.
    expect(begun).to.have.length(3);
    expect((await from('a', '/api/v1/more')).status).to.equal(503);
    const other = works.send('/api/v1/other');
    await works.reach(4);
    expect(begun[3]?.path).to.equal('/api/v1/other');
    // Full now. Who waits behind those of the noisy one is next when the place of another is free.
    const quiet = from('b', '/api/v1/quiet');
    await until(() => works.at('api').waiting === 4);
    begun[3]?.end();
    await works.reach(5);
    expect(begun[4]?.path).to.equal('/api/v1/quiet');
    for (let done = 0; done < 8; done += 1) {
      await works.reach(done + 1);
      begun[done]?.end();
    }
    expect((await Promise.all([...noisy, other, quiet])).map(({ status }) => status)).to.deep.equal(Array(8).fill(200));
    expect(works.load().api).to.deep.equal({ running: 0, waiting: 0, refused: 1 });
  });

  it('RE-15: a whole address as the target leads to the same door', async () => {
    await start({ waiting: 0 });
    const running = [works.send('/oauth/token'), works.send('http://localhost/oauth/token')];
    await works.reach(2);
    const refused = await works.send('http://localhost/oauth/token', {}, 'POST');
    expect([refused.status, JSON.parse(refused.text).error]).to.deep.equal([503, 'temporarily_unavailable']);
    for (const { end } of works.begun) end();
    await Promise.all(running);
  });

  it('RE-11: in a flood refusals are held, so that who asks again at once asks less often', async () => {
    await start({ running: 0, waiting: 0, promptRefusals: 3, heldMs: 1500 });
    const began = performance.now();
    const took = await Promise.all(
      Array.from({ length: 7 }, async () => {
        const { status, headers } = await works.send('/api/v1/x');
        expect([status, headers['retry-after']]).to.deep.equal([503, '2']);
        return performance.now() - began;
      }),
    );
    expect(took.filter((time) => time >= 1490)).to.have.length(4);
    // A second later it is no flood any more.
    const again = performance.now();
    expect((await works.send('/api/v1/x')).status).to.equal(503);
    expect(performance.now() - again).to.be.below(1490);
  });

  it('AL-05: says in the log how many were refused, once a second', async () => {
    await start({ running: 0, waiting: 0 });
    await Promise.all(Array.from({ length: 20 }, () => works.send('/x')));
    const told = () => works.log.filter((line) => line.includes('requests were refused'));
    await until(() => told().length > 0);
    const lines = told();
    expect(lines).to.have.length(1);
    expect(JSON.parse(lines[0] ?? '{}').refused).to.equal(20);
  });
});
