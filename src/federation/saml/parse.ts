/** Bytes to a tree: refused before parsing when they hold what no honest message does, then read once (checklist SA-03). */
import { ParseOption, XmlDocument, XmlLibError } from 'libxml2-wasm';
import { canonical, secondOpinion } from './canonical.ts';
import { SamlRefusal } from './codes.ts';
import { withinLimits } from './limits.ts';
import { ns } from './names.ts';
import { everyElement, treeOf, type XmlTree } from './tree.ts';
import { followSchema } from './xsd.ts';

export type Parsed = { document: XmlDocument; tree: XmlTree };

const options =
  ParseOption.XML_PARSE_NO_XXE |
  ParseOption.XML_PARSE_NONET |
  ParseOption.XML_PARSE_PEDANTIC |
  ParseOption.XML_PARSE_NO_SYS_CATALOG;

/**
 * Parses strictly: limits before parsing, every warning fatal, every element namespaced, ids unique, and a second parser
 * that agrees. The caller disposes of `document`.
 *
 * @throws SamlRefusal with a code under `message.`
 */
export function parseStrictly(text: string, allow: { comments?: boolean } = {}): Parsed {
  const body = withinLimits(text, allow.comments ?? false);
  const document = parseWithoutWarnings(body);
  try {
    const tree = treeOf(document);
    uniqueIds(tree);
    secondOpinion(body, canonical(document));
    return { document, tree };
  } catch (error) {
    document.dispose();
    throw error;
  }
}

/** A protocol message: strictly parsed, and by the schema. */
export function parseMessage(text: string): Parsed {
  const parsed = parseStrictly(text);
  try {
    followSchema(parsed.document);
    return parsed;
  } catch (error) {
    parsed.document.dispose();
    throw error;
  }
}

/**
 * Canonical bytes, which we wrote ourselves a moment ago, read back as data. This is where every value that is believed
 * comes from: from exactly what was digested, and from nothing else (SA-01).
 */
export function readCanonical(text: string): XmlTree {
  const document = parseWithoutWarnings(text);
  try {
    return treeOf(document);
  } finally {
    document.dispose();
  }
}

function parseWithoutWarnings(text: string): XmlDocument {
  let document: XmlDocument;
  try {
    document = XmlDocument.fromBuffer(Buffer.from(text, 'utf8'), { encoding: 'UTF-8', option: options });
  } catch (error) {
    if (error instanceof XmlLibError) throw new SamlRefusal('message.not_well_formed');
    throw error;
  }
  if (document.warnings.length > 0 || document.dtd !== null) {
    document.dispose();
    throw new SamlRefusal('message.not_well_formed');
  }
  return document;
}

/**
 * Any attribute whose local name is "id", in any letter case and any namespace, counts as an id: no two may be equal,
 * whatever a schema says about them. xsi:schemaLocation, which asks a validator to load more schemas, is refused here too.
 */
function uniqueIds(tree: XmlTree): void {
  const seen = new Set<string>();
  for (const element of everyElement(tree)) {
    if (element.namespace === '') throw new SamlRefusal('message.namespace');
    for (const { namespace, name, value } of element.attributes) {
      if (namespace === ns.instance && name !== 'type' && name !== 'nil')
        throw new SamlRefusal('message.schema', `xsi:${name}`);
      if (name.toLowerCase() !== 'id') continue;
      if (seen.has(value)) throw new SamlRefusal('message.duplicate_id');
      seen.add(value);
    }
  }
}
