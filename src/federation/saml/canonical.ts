import { DOMParser } from '@xmldom/xmldom';
import { type XmlDocument, type XmlElement, XmlC14NMode } from 'libxml2-wasm';
import { ExclusiveCanonicalization } from 'xml-crypto';
import { SamlRefusal } from './codes.ts';

/**
 * Exclusive canonical form without comments, as libxml2 writes it. An empty answer is an error, never an empty message:
 * signing nothing has been the way around verification elsewhere (CVE-2025-66568).
 */
export function canonical(target: XmlDocument | XmlElement, inclusivePrefixes: string[] = []): string {
  const options = {
    mode: XmlC14NMode.XML_C14N_EXCLUSIVE_1_0,
    withComments: false,
    ...(inclusivePrefixes.length > 0 ? { inclusiveNamespacePrefixes: inclusivePrefixes } : {}),
  };
  let text: string;
  try {
    text = target.canonicalizeToString(options);
  } catch {
    throw new SamlRefusal('message.not_well_formed');
  }
  if (!text.startsWith('<')) throw new SamlRefusal('message.not_well_formed');
  return text;
}

/**
 * The same form by a second parser and a second canonicalizer. Where the two differ, one of them saw another message
 * than the other did (the class of CVE-2025-25291), and neither is believed.
 */
export function secondOpinion(text: string, first: string): void {
  let second: string;
  try {
    const refuse = (): never => {
      throw new SamlRefusal('message.ambiguous');
    };
    const errorHandler = { warning: refuse, error: refuse, fatalError: refuse };
    const document = new DOMParser({ errorHandler }).parseFromString(text, 'text/xml');
    second = new ExclusiveCanonicalization().process(document.documentElement, {});
  } catch {
    throw new SamlRefusal('message.ambiguous');
  }
  if (second !== first) throw new SamlRefusal('message.ambiguous');
}
