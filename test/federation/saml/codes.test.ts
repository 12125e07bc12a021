import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { explain, type RefusalCode, refusals, SamlRefusal, Trace } from '../../../src/federation/saml/codes.ts';

describe('refusal codes', () => {
  it('SA-16: each has a sentence and a remedy for the administrator', () => {
    for (const code of Object.keys(refusals) as RefusalCode[]) {
      const { sentence, remedy } = explain(code);
      expect(sentence, code).to.match(/^[A-Z].{10,160}\.$/);
      expect(remedy, code).to.match(/^[A-Z].{10,200}\.$/);
    }
  });

  it('each is used by the code, or belongs to what the pool and the caller answer', () => {
    const folder = new URL('../../../src/federation/saml/', import.meta.url);
    const source = readdirSync(folder)
      .filter((name) => name.endsWith('.ts') && name !== 'codes.ts')
      .map((name) => readFileSync(new URL(name, folder), 'utf8'))
      .join('');
    const unused = Object.keys(refusals).filter((code) => !source.includes(`'${code}'`));
    expect(unused).to.deep.equal(['logout.name_id']);
  });

  it('a trace keeps the order, ends with the refusal, and cuts long details', () => {
    const trace = new Trace();
    trace.run('one', () => 1);
    expect(() =>
      trace.run('two', () => {
        throw new SamlRefusal('audience', 'x'.repeat(1000));
      }),
    ).to.throw(SamlRefusal);
    expect(trace.checks).to.deep.equal([
      { check: 'one', ok: true },
      { check: 'two', ok: false, code: 'audience', detail: 'x'.repeat(300) },
    ]);
    expect(trace.fail('three', new Error('a secret'))).to.equal('internal');
    expect(JSON.stringify(trace.checks)).to.not.include('secret');
  });
});
