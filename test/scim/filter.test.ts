import { expect } from 'chai';
import { ScimFault } from '../../src/scim/errors.ts';
import { type FilterNode, maxFilterBytes, parseFilter, parsePath } from '../../src/scim/filter.ts';
import { Random } from '../support/random.ts';
import { expectRefusal } from './refusal.ts';

const eq = (attribute: string, value: string | number | boolean | null): FilterNode => ({
  kind: 'compare',
  path: { attribute },
  op: 'eq',
  value,
});
const present = (attribute: string): FilterNode => ({ kind: 'present', path: { attribute } });

describe('scim/filter', () => {
  it('reads every operator and every kind of value', () => {
    for (const op of ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le']) {
      expect(parseFilter(`title ${op} "x"`)).to.deep.equal({
        kind: 'compare',
        path: { attribute: 'title' },
        op,
        value: 'x',
      });
    }
    expect(parseFilter('title pr')).to.deep.equal(present('title'));
    expect(parseFilter('a eq true')).to.deep.equal(eq('a', true));
    expect(parseFilter('a eq False')).to.deep.equal(eq('a', false));
    expect(parseFilter('a eq null')).to.deep.equal(eq('a', null));
    expect(parseFilter('a eq -1.5e2')).to.deep.equal(eq('a', -150));
    expect(parseFilter('a eq 0')).to.deep.equal(eq('a', 0));
  });

  it('takes operators and words in any case (Ping writes Eq)', () => {
    expect(parseFilter('userName Eq "x"')).to.deep.equal(eq('userName', 'x'));
    expect(parseFilter('a PR AND NOT (b Pr)')).to.deep.equal({
      kind: 'and',
      nodes: [present('a'), { kind: 'not', node: present('b') }],
    });
  });

  it('binds not before and, and before or, and parentheses before all', () => {
    expect(parseFilter('a pr or b pr and c pr')).to.deep.equal({
      kind: 'or',
      nodes: [present('a'), { kind: 'and', nodes: [present('b'), present('c')] }],
    });
    expect(parseFilter('(a pr or b pr) and c pr')).to.deep.equal({
      kind: 'and',
      nodes: [{ kind: 'or', nodes: [present('a'), present('b')] }, present('c')],
    });
    expect(parseFilter('not (a pr or b pr) and c pr')).to.deep.equal({
      kind: 'and',
      nodes: [{ kind: 'not', node: { kind: 'or', nodes: [present('a'), present('b')] } }, present('c')],
    });
    expect(parseFilter('not(not(a pr))')).to.deep.equal({ kind: 'not', node: { kind: 'not', node: present('a') } });
    expect(parseFilter('((((a pr))))')).to.deep.equal(present('a'));
  });

  it('reads an attribute whose name begins like a word of the language', () => {
    expect(parseFilter('notes pr and orders pr or andy pr')).to.deep.equal({
      kind: 'or',
      nodes: [{ kind: 'and', nodes: [present('notes'), present('orders')] }, present('andy')],
    });
    expect(parseFilter('not pr')).to.deep.equal(present('not'));
  });

  it('reads escaped quotes and other escapes of JSON strings', () => {
    expect(parseFilter('a eq "say \\"hi\\" \\\\ \\u00e9\\n"')).to.deep.equal(eq('a', 'say "hi" \\ é\n'));
    expect(parseFilter('a eq "\\ud83d\\ude00"')).to.deep.equal(eq('a', '😀'));
    expect(parseFilter('a eq ") or (b pr"')).to.deep.equal(eq('a', ') or (b pr'));
  });

  it('reads paths with URNs, versions with dots, and sub-attributes', () => {
    const urn = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value';
    expect(parseFilter(`${urn} eq "7"`)).to.deep.equal(eq(urn, '7'));
    expect(parseFilter('name.familyName eq "x"')).to.deep.equal(eq('name.familyName', 'x'));
    expect(parseFilter('members.$ref pr')).to.deep.equal(present('members.$ref'));
  });

  it('reads value paths, alone and compared as Entra does', () => {
    expect(parseFilter('emails[type eq "work" and value co "@a.com"]')).to.deep.equal({
      kind: 'has',
      path: {
        attribute: 'emails',
        filter: {
          kind: 'and',
          nodes: [eq('type', 'work'), { kind: 'compare', path: { attribute: 'value' }, op: 'co', value: '@a.com' }],
        },
      },
    });
    expect(parseFilter('emails[type eq "work"].value eq "x" and a pr')).to.deep.equal({
      kind: 'and',
      nodes: [
        {
          kind: 'compare',
          path: { attribute: 'emails', filter: eq('type', 'work'), sub: 'value' },
          op: 'eq',
          value: 'x',
        },
        present('a'),
      ],
    });
    expect(parseFilter('emails[not (type pr)] or a pr').kind).to.equal('or');
  });

  it('reads paths of PATCH', () => {
    expect(parsePath('members')).to.deep.equal({ attribute: 'members' });
    expect(parsePath('addresses[type eq "work"].formatted')).to.deep.equal({
      attribute: 'addresses',
      filter: eq('type', 'work'),
      sub: 'formatted',
    });
    expectRefusal(() => parsePath('emails[type eq "work"].value eq "x"'), 400, 'invalidPath');
    expectRefusal(() => parsePath('emails['), 400, 'invalidFilter');
    expectRefusal(() => parsePath('emails[type zz "work"]'), 400, 'invalidFilter');
    expectRefusal(() => parsePath('emails[type eq "work"].'), 400, 'invalidPath');
    expectRefusal(() => parsePath('a b'), 400, 'invalidPath');
    expectRefusal(() => parsePath(''), 400, 'invalidPath');
  });

  it('refuses what is no filter, with the position and the reason', () => {
    const wrong: [string, number, RegExp][] = [
      ['', 1, /attribute name/],
      ['userName', 9, /operator/],
      ['userName eq', 12, /space before the value/],
      ['userName eq ', 13, /expected a value/],
      ['userName like "x"', 10, /"like" is not an operator/],
      ['userName eq "x', 13, /not closed/],
      ['userName eq x', 13, /expected a value/],
      ["userName eq 'x'", 13, /expected a value/],
      ['userName eq "\\x"', 14, /not an escape/],
      ['userName eq "x" userName pr', 17, /unexpected/],
      ['(a pr', 6, /expected "\)"/],
      ['a pr)', 5, /unexpected/],
      ['not a pr', 5, /not an operator/],
      ['a pr and', 9, /attribute name/],
      ['emails[type eq "work"', 22, /expected "\]"/],
      ['emails[phones[a pr]]', 14, /value path within/],
      ['1a pr', 1, /not an attribute name/],
      ['a eq 01', 6, /expected a value/],
      ['a..b pr', 1, /not an attribute name/],
      ['a eq "x"; drop table users', 9, /unexpected/],
    ];
    for (const [text, position, reason] of wrong) {
      const fault = expectRefusal(() => parseFilter(text), 400, 'invalidFilter');
      expect(fault.message, text).to.match(reason);
      expect(fault.message, text).to.contain(`At position ${position}:`);
    }
  });

  it('SC-07 caps length, depth and terms', () => {
    const terms = (count: number) => Array.from({ length: count }, () => 'a pr').join(' or ');
    expect(parseFilter(terms(64)).kind).to.equal('or');
    expectRefusal(() => parseFilter(terms(65)), 400, 'invalidFilter');
    const nested = (depth: number) => `${'('.repeat(depth)}a pr${')'.repeat(depth)}`;
    expect(parseFilter(nested(10))).to.deep.equal(present('a'));
    expectRefusal(() => parseFilter(nested(11)), 400, 'invalidFilter');
    expectRefusal(() => parseFilter(`${'not ('.repeat(40)}a pr${')'.repeat(40)}`), 400, 'invalidFilter');
    const long = `a eq "${'x'.repeat(maxFilterBytes)}"`;
    expectRefusal(() => parseFilter(long), 400, 'invalidFilter');
    expectRefusal(() => parseFilter(`a eq "${'é'.repeat(maxFilterBytes / 2)}"`), 400, 'invalidFilter');
  });

  it('SC-07 looks at each character a bounded number of times: what hangs a backtracking reader is answered', () => {
    // Each of these would not return from a reader that backtracks.
    for (const hostile of [
      `a eq "${'\\\\'.repeat(2000)}`,
      `a eq "${'\\"'.repeat(2000)}`,
      `${'urn:a:'.repeat(600)}%`,
      `urn:${'a.'.repeat(1900)}!`,
      '('.repeat(4000),
      'not '.repeat(1000),
      `a eq ${'1'.repeat(4000)}`,
      `a eq ${'1e1'.repeat(1300)}`,
      `${'a.'.repeat(2000)}b pr`,
      ' '.repeat(4090),
    ]) {
      expectRefusal(() => parseFilter(hostile), 400, 'invalidFilter');
    }
  });

  it('SC-07 fuzz: a million texts of the grammar, cut and mutated, as filters and as paths: read, or refused, and nothing else', function () {
    this.timeout(120_000);
    const random = new Random(7644);
    const parts = [
      'a',
      'userName',
      'emails',
      'emails[',
      ']',
      '(',
      ')',
      'not ',
      'not(',
      ' and ',
      ' or ',
      ' eq ',
      ' pr',
      ' co ',
      ' gt ',
      '"x"',
      '"',
      '\\',
      '"\\"',
      '1',
      '-',
      'true',
      'null',
      '.',
      ':',
      'urn:',
      '$ref',
      '__proto__',
      'constructor',
      ' ',
      '\t',
      '\u0000',
      '%',
      "'",
      ';--',
      '/*',
      '😀',
      '\ud800',
      '{',
      ',',
    ];
    let read = 0;
    for (let round = 0; round < 1_000_000; round++) {
      let text = '';
      for (let length = random.below(16); length >= 0; length--) text += random.pick(parts);
      const asPath = round % 4 === 0;
      try {
        if (asPath) parsePath(text);
        else parseFilter(text);
        read++;
      } catch (fault) {
        const types = asPath ? ['invalidPath', 'invalidFilter'] : ['invalidFilter'];
        if (!(fault instanceof ScimFault) || !types.includes(fault.scimType ?? ''))
          throw new Error(`for ${JSON.stringify(text)}`);
      }
    }
    expect(read).to.be.greaterThan(20);
    expect(({} as Record<string, unknown>).x).to.equal(undefined);
  });
});
