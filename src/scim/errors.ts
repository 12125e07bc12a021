/**
 * The SCIM door's own fault: a status, a scimType where RFC 7644 §3.12 (or RFC 9865 §2.4) defines one, and a sentence
 * for the directory's administrator. The room's faults are turned into these at the edge; nothing else leaves the door.
 */

const ERROR_URN = 'urn:ietf:params:scim:api:messages:2.0:Error';

export type ScimType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'
  | 'invalidVers'
  | 'sensitive'
  | 'invalidCursor'
  | 'expiredCursor'
  | 'invalidCount';

export interface ScimErrorBody {
  schemas: [typeof ERROR_URN];
  status: string;
  scimType?: ScimType;
  detail: string;
}

export class ScimFault extends Error {
  readonly status: number;
  readonly scimType: ScimType | undefined;
  readonly headers: Record<string, string>;

  constructor(status: number, scimType: ScimType | undefined, detail: string, headers: Record<string, string> = {}) {
    super(detail);
    this.name = 'ScimFault';
    this.status = status;
    this.scimType = scimType;
    this.headers = headers;
  }

  /** The body of RFC 7644 §3.12; `status` is a string there. */
  body(): ScimErrorBody {
    const body: ScimErrorBody = { schemas: [ERROR_URN], status: String(this.status), detail: this.message };
    if (this.scimType) body.scimType = this.scimType;
    return body;
  }
}

const bad = (type: ScimType) => (detail: string) => new ScimFault(400, type, detail);

export const invalidFilter = bad('invalidFilter');
export const invalidSyntax = bad('invalidSyntax');
export const invalidPath = bad('invalidPath');
export const noTarget = bad('noTarget');
export const invalidValue = bad('invalidValue');
export const mutability = bad('mutability');
export const invalidCursor = bad('invalidCursor');
export const expiredCursor = bad('expiredCursor');
export const invalidCount = bad('invalidCount');
export const tooMany = bad('tooMany');
/** The same words for an unknown id and for another organization's (SC-01). */
export const notFound = () => new ScimFault(404, undefined, 'No such resource.');
/** Says nothing of the account that is in the way (SC-05). */
export const notUnique = (attribute: string) =>
  new ScimFault(409, 'uniqueness', `Another resource already has this ${attribute}.`);
export const preconditionFailed = () =>
  new ScimFault(412, undefined, 'The resource has changed since the version named in If-Match.');
export const tooLarge = (detail: string) => new ScimFault(413, undefined, detail);
