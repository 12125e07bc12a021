/** Values into XML: the only way for a text or an attribute of ours to get there. */
const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** Text as it may stand in an XML element or in a quoted attribute. Characters that XML 1.0 does not allow are an error. */
export function escapeXml(text: string): string {
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text) || !text.isWellFormed())
    throw new TypeError('not an XML text');
  return text.replace(/[&<>"'\t\n\r]/g, (character) => entities[character] ?? character);
}

/** An attribute with a leading space, or nothing when there is no value. */
export function xmlAttribute(name: string, value: string | null | undefined): string {
  return value === null || value === undefined ? '' : ` ${name}="${escapeXml(value)}"`;
}
