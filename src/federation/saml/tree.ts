/** A parsed message as plain data, in the order of the document: what is read is what was verified. */
import { type XmlDocument, XmlElement, XmlText } from 'libxml2-wasm';
import { SamlRefusal } from './codes.ts';

export type XmlAttributeOfTree = { namespace: string; name: string; value: string };

/** An element as plain data: what the checks read, made from the bytes that were verified (never kept with the parser). */
export type XmlTree = {
  namespace: string;
  name: string;
  attributes: XmlAttributeOfTree[];
  /** Namespace declarations that stand on this element itself; the default one under ''. */
  declared: Record<string, string>;
  children: (XmlTree | string)[];
};

/** The document as plain data. Comments are left out only where they were let in (metadata); anything else is refused. */
export function treeOf(document: XmlDocument): XmlTree {
  return elementTree(document.root);
}

function elementTree(element: XmlElement): XmlTree {
  const children: (XmlTree | string)[] = [];
  for (let child = element.firstChild; child !== null; child = child.next) {
    if (child instanceof XmlElement) children.push(elementTree(child));
    else if (child instanceof XmlText) children.push(child.content);
    else if (child.constructor.name !== 'XmlComment') throw new SamlRefusal('message.not_well_formed');
  }
  return {
    namespace: element.namespaceUri,
    name: element.name,
    attributes: element.attrs.map((a) => ({ namespace: a.namespaceUri, name: a.name, value: a.value })),
    declared: element.nsDeclarations as Record<string, string>,
    children,
  };
}

export function isElement(node: XmlTree | string | undefined, namespace: string, name: string): node is XmlTree {
  return typeof node === 'object' && node.namespace === namespace && node.name === name;
}

export function elementsOf(tree: XmlTree): XmlTree[] {
  return tree.children.filter((child) => typeof child === 'object');
}

export function childrenNamed(tree: XmlTree, namespace: string, name: string): XmlTree[] {
  return elementsOf(tree).filter((child) => isElement(child, namespace, name));
}

/** Every element of the tree, itself included, parents before their children. */
export function* everyElement(tree: XmlTree): Generator<XmlTree> {
  const waiting = [tree];
  for (let element = waiting.pop(); element !== undefined; element = waiting.pop()) {
    yield element;
    for (const child of element.children) if (typeof child === 'object') waiting.push(child);
  }
}

/** The value of an unqualified attribute, as all of SAML's own are. */
export function attributeOf(tree: XmlTree, name: string): string | undefined {
  return tree.attributes.find((a) => a.namespace === '' && a.name === name)?.value;
}

/** The text of an element that has nothing but one piece of text (or none): undefined where it holds anything else. */
export function plainText(tree: XmlTree): string | undefined {
  if (tree.children.length === 0) return '';
  const [only] = tree.children;
  return tree.children.length === 1 && typeof only === 'string' ? only : undefined;
}
