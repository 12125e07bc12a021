import { readFileSync } from 'node:fs';
import {
  ParseOption,
  XmlBufferInputProvider,
  XmlDocument,
  type XmlElement,
  XmlLibError,
  xmlCleanupInputProvider,
  xmlRegisterInputProvider,
  XsdValidator,
} from 'libxml2-wasm';
import { SamlRefusal } from './codes.ts';
import { ns } from './names.ts';

// One validator per thread, made at first use (about 30 ms). The schemas come from the folder beside this file: what they
// import is answered from memory under the addresses they name, and once they are compiled nothing can be loaded any more.

const base = 'http://schemas.invalid/';
const files: Record<string, string> = {
  'saml-schema-assertion-2.0.xsd': ns.assertion,
  'saml-schema-protocol-2.0.xsd': ns.protocol,
  'saml-schema-metadata-2.0.xsd': ns.metadata,
  'xmldsig-core-schema.xsd': ns.signature,
  'xenc-schema.xsd': ns.encryption,
  'xml.xsd': ns.xml,
  'xmldsig11-schema.xsd': 'http://www.w3.org/2009/xmldsig11#',
  'xenc11-schema.xsd': ns.encryption11,
};
const addresses: Record<string, string> = {
  'http://www.w3.org/TR/2002/REC-xmldsig-core-20020212/xmldsig-core-schema.xsd': 'xmldsig-core-schema.xsd',
  'http://www.w3.org/TR/2002/REC-xmlenc-core-20021210/xenc-schema.xsd': 'xenc-schema.xsd',
  'http://www.w3.org/2001/xml.xsd': 'xml.xsd',
  'http://www.w3.org/TR/2002/REC-xmldsig-core-20020212/xmldsig11-schema.xsd': 'xmldsig11-schema.xsd',
  'http://www.w3.org/TR/2002/REC-xmlenc-core-20021210/xmldsig-core-schema.xsd': 'xmldsig-core-schema.xsd',
};

let compiled: XsdValidator | undefined;

function validator(): XsdValidator {
  if (compiled) return compiled;
  const folder = new URL('./schemas/', import.meta.url);
  const buffers: Record<string, Uint8Array> = {};
  for (const name of Object.keys(files)) buffers[base + name] = readFileSync(new URL(name, folder));
  for (const [address, name] of Object.entries(addresses)) buffers[address] = buffers[base + name] as Uint8Array;
  const imports = Object.entries(files).map(
    ([name, space]) => `<import namespace="${space}" schemaLocation="${base}${name}"/>`,
  );
  const root = XmlDocument.fromString(`<schema xmlns="http://www.w3.org/2001/XMLSchema">${imports.join('')}</schema>`, {
    url: `${base}root.xsd`,
    option: ParseOption.XML_PARSE_NO_XXE,
  });
  xmlRegisterInputProvider(new XmlBufferInputProvider(buffers));
  try {
    compiled = XsdValidator.fromDoc(root);
  } finally {
    xmlCleanupInputProvider();
    root.dispose();
  }
  return compiled;
}

/** Refuses a document, or one element of it, that does not follow the OASIS and W3C schemas: `message.schema`. */
export function followSchema(target: XmlDocument | XmlElement): void {
  try {
    const schema = validator();
    if (target instanceof XmlDocument) schema.validate(target);
    else schema.validate(target);
  } catch (error) {
    if (!(error instanceof XmlLibError)) throw error;
    // libxml2's messages quote values; only the name of the element goes into the trace.
    const where = error.details[0]?.message.match(/^Element '\{?[^']{1,200}'/)?.[0];
    throw new SamlRefusal('message.schema', where);
  }
}
