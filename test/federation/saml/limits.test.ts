import { deflateRawSync } from 'node:zlib';
import { expect } from 'chai';
import { SamlRefusal } from '../../../src/federation/saml/codes.ts';
import { decodePost, decodeRedirect, strictBase64 } from '../../../src/federation/saml/decode.ts';
import { withinLimits } from '../../../src/federation/saml/limits.ts';
import { verifyResponse } from '../../../src/federation/saml/response.ts';
import { leastCost, processorTime } from '../../support/effort.ts';
import { encodePost, expectations, responseXml } from '../../support/saml/messages.ts';

function code(work: () => unknown): string {
  try {
    work();
    return 'accepted';
  } catch (error) {
    if (error instanceof SamlRefusal) return error.code;
    throw error;
  }
}

describe('what is looked at before any parser', () => {
  it('takes an XML declaration of UTF-8 away, in any of its spellings', () => {
    for (const declaration of [
      '<?xml version="1.0"?>',
      "<?xml version='1.0' encoding='utf-8'?>",
      '<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>',
    ]) {
      expect(withinLimits(`${declaration}<a/>`)).to.equal('<a/>');
    }
  });

  it('SA-10: counts elements, depth, attributes and namespaces, and allows exactly the limit', () => {
    const wrap = (inner: string): string => `<r>${inner}</r>`;
    expect(code(() => withinLimits(wrap('<a/>'.repeat(19_999))))).to.equal('accepted');
    expect(code(() => withinLimits(wrap('<a/>'.repeat(20_000))))).to.equal('message.limits');
    expect(code(() => withinLimits('<a>'.repeat(64) + '</a>'.repeat(64)))).to.equal('accepted');
    expect(code(() => withinLimits('<a>'.repeat(65) + '</a>'.repeat(65)))).to.equal('message.limits');
    const attributes = (n: number): string => `<a ${Array.from({ length: n }, (_x, i) => `b${i}="&gt;>"`).join(' ')}/>`;
    expect(code(() => withinLimits(attributes(64)))).to.equal('accepted');
    expect(code(() => withinLimits(attributes(65)))).to.equal('message.limits');
  });

  it('SA-03: is not fooled by quotes, and looks into no comment unless it may', () => {
    expect(withinLimits(`<a b="</a>" c='>'/>`)).to.equal(`<a b="</a>" c='>'/>`);
    expect(code(() => withinLimits('<a b="<!DOCTYPE x>"/><!DOCTYPE x>'))).to.equal('message.doctype');
    expect(withinLimits('<a><!-- <!DOCTYPE x> --></a>', true)).to.include('<!--');
    expect(code(() => withinLimits('<a><!-- --></a>'))).to.equal('message.comment');
    expect(code(() => withinLimits('<a><!-- </a>', true))).to.equal('message.not_well_formed');
    expect(code(() => withinLimits('<a b="x></a>'))).to.equal('message.not_well_formed');
  });

  it('SA-03: base64 has one spelling', () => {
    expect(strictBase64('YQ==').toString()).to.equal('a');
    for (const bad of ['', 'YQ', 'YQ=', 'YR==', 'YQ===', 'Y Q==', 'YQ==\n', '_-_-', 'é'])
      expect(
        code(() => strictBase64(bad)),
        bad,
      ).to.equal('message.encoding');
  });

  it('SA-10: a POST of 256 KiB is read, one byte more is not; a redirect inflates to the same and no more', () => {
    const text = 'x'.repeat(256 * 1024);
    expect(decodePost(encodePost(text))).to.equal(text);
    expect(code(() => decodePost(encodePost(`${text}x`)))).to.equal('message.too_large');
    const deflated = (inflated: string): string => deflateRawSync(inflated).toString('base64');
    expect(decodeRedirect(deflated(text))).to.equal(text);
    expect(code(() => decodeRedirect(deflated(`${text}x`)))).to.equal('message.too_large');
    expect(code(() => decodeRedirect('A'.repeat(65_537)))).to.equal('message.too_large');
    expect(code(() => decodeRedirect('AAAA'))).to.equal('message.encoding');
  });

  const extension = (inner: string): string =>
    `<samlp:Extensions><x:e xmlns:x="urn:x">${inner}</x:e></samlp:Extensions><samlp:Status>`;
  const bombs: Record<string, (xml: string) => string> = {
    '10,000 levels': (xml) =>
      xml.replace('<samlp:Status>', extension('<x:n>'.repeat(10_000) + '</x:n>'.repeat(10_000))),
    '35,000 elements': (xml) => xml.replace('<samlp:Status>', extension('<x:n/>'.repeat(35_000))),
    'an attribute of 250 KB': (xml) => xml.replace('<samlp:Status>', extension(`<x:n a="${'b'.repeat(250_000)}`)),
    '250,000 angle brackets': (xml) => xml.replace('<samlp:Status>', extension('<'.repeat(250_000))),
    'billion laughs': (xml) =>
      `<!DOCTYPE a [${Array.from({ length: 10 }, (_n, i) => `<!ENTITY e${i} "${`&e${i - 1};`.repeat(10)}">`).join('')}]>${xml}`,
    '10 MiB': (xml) => xml + ' '.repeat(10 << 20),
  };
  for (const [name, bomb] of Object.entries(bombs)) {
    it(`SA-10: ${name} is refused within 100 ms and 20 MB`, () => {
      const field = encodePost(responseXml({ tamper: bomb }));
      verifyResponse(field, expectations());
      const refuse = () => expect(verifyResponse(field, expectations())).to.have.property('ok', false);
      const { milliseconds, resident } = leastCost(refuse, { milliseconds: 100, resident: 20 << 20 });
      expect(milliseconds).to.be.below(100);
      expect(resident).to.be.below(20 << 20);
    });
  }

  it('SA-15: the heaviest messages within the limits end within the deadline of a worker', () => {
    const heavy: Record<string, string> = {
      'many elements': '<x:n/>'.repeat(19_900),
      'deep with namespaces':
        Array.from(
          { length: 60 },
          (_n, i) =>
            `<x:n ${Array.from({ length: 30 }, (_m, j) => `xmlns:p${i}x${j}="urn:${i}:${j}:" p${i}x${j}:a=""`).join(' ')}>`,
        ).join('') + '</x:n>'.repeat(60),
      'wide with namespaces': Array.from({ length: 4000 }, (_n, i) => `<x:n xmlns:p${i}="urn:${i}" p${i}:a=""/>`).join(
        '',
      ),
      'many attributes': `<x:n ${Array.from({ length: 60 }, (_n, i) => `a${i}=""`).join(' ')}/>`.repeat(400),
      'one long text': 'y'.repeat(240_000),
      'many references': '&#65;'.repeat(45_000),
    };
    for (const [name, inner] of Object.entries(heavy)) {
      const field = encodePost(responseXml({ tamper: (xml) => xml.replace('<samlp:Status>', extension(inner)) }));
      const began = processorTime();
      const result = verifyResponse(field, expectations());
      expect(processorTime() - began, name).to.be.below(2000);
      expect(result.ok ? 'accepted' : result.code, name).to.be.oneOf(['accepted', 'message.limits']);
    }
  }).timeout(20_000);
});
