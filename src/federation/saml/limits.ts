/** How large a message may be before anything looks into it: elements, depth, attributes (checklist SA-10). */
import { SamlRefusal } from './codes.ts';

const maxElements = 20_000;
const maxDepth = 64;
const maxAttributes = 40_000;
const maxAttributesOfOne = 64;
const maxNamespaces = 4_096;
const declaration =
  /^<\?xml[ \t\r\n]+version=(?:"1\.0"|'1\.0')(?:[ \t\r\n]+encoding=(?:"utf-8"|'utf-8'))?(?:[ \t\r\n]+standalone=(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>/i;

/**
 * Looks at the text before any parser does: no `<!`, no `<?` but a UTF-8 declaration (SA-03), and counts of elements,
 * depth, attributes and namespace declarations within limits (SA-10). One pass, no allocation. What it takes for
 * well-formed may still be refused by the parser; what it refuses never reaches one.
 *
 * @param allowComments metadata files have comments; messages never do
 * @returns the text without its declaration
 */
export function withinLimits(text: string, allowComments = false): string {
  if (text.startsWith('\ufeff')) throw new SamlRefusal('message.charset');
  if (text.includes('\0')) throw new SamlRefusal('message.not_well_formed');
  const body = text.replace(declaration, '');
  let elements = 0;
  let attributes = 0;
  let namespaces = 0;
  let depth = 0;
  for (let at = body.indexOf('<'); at !== -1; at = body.indexOf('<', at)) {
    const next = body[at + 1];
    if (next === '!') {
      if (!(allowComments && body.startsWith('<!--', at))) throw new SamlRefusal(markupCode(body, at));
      const end = body.indexOf('-->', at + 4);
      if (end === -1) throw new SamlRefusal('message.not_well_formed');
      at = end + 3;
      continue;
    }
    if (next === '?') throw new SamlRefusal('message.processing_instruction');
    if (next === '/') {
      depth -= 1;
      at += 2;
      continue;
    }
    elements += 1;
    depth += 1;
    let own = 0;
    let end = at + 1;
    for (; end < body.length && body[end] !== '>'; end += 1) {
      const character = body[end];
      if (character === '<') throw new SamlRefusal('message.not_well_formed');
      if (character === '"' || character === "'") {
        own += 1;
        end = body.indexOf(character, end + 1);
        if (end === -1) throw new SamlRefusal('message.not_well_formed');
      } else if (character === 'x' && body.startsWith('xmlns', end)) namespaces += 1;
    }
    attributes += own;
    if (body[end - 1] === '/') depth -= 1;
    if (elements > maxElements || depth > maxDepth || own > maxAttributesOfOne) throw new SamlRefusal('message.limits');
    if (attributes > maxAttributes || namespaces > maxNamespaces) throw new SamlRefusal('message.limits');
    at = end;
  }
  return body;
}

function markupCode(text: string, at: number): 'message.comment' | 'message.cdata' | 'message.doctype' {
  if (text.startsWith('<!--', at)) return 'message.comment';
  return text.startsWith('<![CDATA[', at) ? 'message.cdata' : 'message.doctype';
}
