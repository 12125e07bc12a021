import { expect } from 'chai';
import { createLog, describeError, Lines } from '../../src/core/log.ts';
import { pause } from '../support/waiting.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void, level = 'debug'): Record<string, unknown>[] {
  const lines: string[] = [];
  write(createLog(level, { write: (line: string) => void lines.push(line) }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('core/log', () => {
  it('writes one JSON object a line, with the time, the level and the message', () => {
    const [line] = logged((log) => log.info({ request_id: 'r' }, 'request'));
    expect(line).to.include({ level: 'info', message: 'request', request_id: 'r' });
    expect(String(line?.time)).to.match(/^\d{4}-\d\d-\d\dT/);
  });

  it('SD-06: redacts by key name', () => {
    const [line] = logged((log) => log.warn({ body: { password: 'hunter2' }, authorization: 'Bearer x' }, 'refused'));
    expect(JSON.stringify(line)).not.to.match(/hunter2|Bearer/);
  });

  it('AL-07: keeps a line a line, whatever is in it', () => {
    const lines = logged((log) => log.info({ name: 'a\n{"level":"error","message":"forged"}\u001b[2J' }, 'x\ny'));
    expect(lines).to.have.length(1);
    expect(lines[0]).to.include({ message: 'x\ny' });
  });

  it('describes an error with its causes, without the values of a statement', () => {
    const cause = Object.assign(new Error('insert into "users" ("email") values (\'ann@x.example\') - duplicate key'), {
      code: '23505',
      constraint: 'users_email_key',
      detail: 'Key (email)=(ann@x.example) already exists.',
    });
    const text = JSON.stringify(describeError(new Error('refused', { cause })));
    expect(text).to.include('users_email_key').and.include('23505').and.not.include('ann@x.example');
  });

  it('writes errors with their reason and their stack', () => {
    const [line] = logged((log) =>
      log.error({ err: Object.assign(new TypeError('gone'), { code: 'ECONNRESET' }) }, 'failed'),
    );
    expect(line?.err)
      .to.include({ name: 'TypeError', message: 'gone', code: 'ECONNRESET' })
      .and.not.have.property('type');
    expect((line as { err: { stack: string[] } }).err.stack[0]).to.match(/log\.test\.ts/);
  });

  it('describes what is no error', () => {
    expect(describeError('text')).to.deep.equal({ thrown: 'text' });
    expect(describeError(undefined)).to.deep.equal({ thrown: 'undefined' });
  });

  it('keeps quiet below its level', () => {
    expect(logged((log) => log.info('x'), 'warn')).to.deep.equal([]);
  });

  describe('lines', () => {
    const written = () => {
      const blocks: string[] = [];
      return { blocks, lines: new Lines((text) => void blocks.push(text)) };
    };
    const moment = () => pause(100);

    it('that come close together are written together, in their order, soon', async () => {
      const { blocks, lines } = written();
      const log = createLog('info', lines);
      for (const name of ['a', 'b', 'c']) log.info({ name }, 'request');
      expect(blocks).to.deep.equal([]);
      await moment();
      expect(blocks).to.have.length(1);
      const names = blocks[0]
        ?.trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { name: string }).name);
      expect(names).to.deep.equal(['a', 'b', 'c']);
      await moment();
      expect(blocks).to.have.length(1);
    });

    it('wait for nothing behind an error', () => {
      const { blocks, lines } = written();
      const log = createLog('info', lines);
      log.info('before');
      log.error('wrong');
      expect(blocks.join('')).to.match(/before.*\n.*wrong.*\n$/);
    });

    it('do not pile up', () => {
      const { blocks, lines } = written();
      const log = createLog('info', lines);
      for (let count = 0; count < 1000; count += 1) log.info('x'.repeat(100));
      expect(blocks.length).to.be.greaterThan(5);
      lines.flush();
      expect(blocks.join('').trimEnd().split('\n')).to.have.length(1000);
    });
  });
});
