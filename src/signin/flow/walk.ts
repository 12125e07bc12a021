/** What a step is given: the request, what the application wants, and what is known about the attempt. */
import type { Context } from 'koa';
import { anonymous, Call } from '../../core/call.ts';
import { isId } from '../../core/id.ts';
import { hashSecret } from '../../core/secret.ts';
import { findOrganization } from '../../directory/organizations/service.ts';
import type { Brand } from '../../http/branding.ts';
import { edgeOf, requestFacts } from '../../http/server.ts';
import type { InteractionDetails, SigninParts } from './collaborators.ts';
import { type Attempt, emptyAttempt } from './schema.ts';
import { readAttempt, saveAttempt } from './store.ts';

/** An attempt lives as long as its interaction: one hour. */
const lifetimeMs = 60 * 60 * 1000;

export type Form = Readonly<Record<string, string>>;

/** What a submitted step asks of the dispatcher: look again at where the attempt stands, or nothing, the answer is made. */
export type Next = 'dispatch' | 'answered';

export interface Step {
  readonly name: string;
  /** Answers with the step's page. */
  show(walk: Walk): Promise<Next>;
  /** Takes what was posted to `/signin/<uid>/<name>`. */
  submit?(walk: Walk, form: Form): Promise<Next>;
}

export class Walk {
  readonly parts: SigninParts;
  readonly context: Context;
  readonly call: Call;
  readonly uid: string;
  readonly details: InteractionDetails;
  #attempt: Attempt;

  private constructor(parts: SigninParts, context: Context, call: Call, details: InteractionDetails, attempt: Attempt) {
    this.parts = parts;
    this.context = context;
    this.call = call;
    this.uid = details.uid;
    this.details = details;
    this.#attempt = attempt;
  }

  /**
   * Reads where an attempt stands. The interaction's cookie was checked before anything is read (SE-01); with a form, whose browser
   * is known already, the attempt is read in the same trip, and counts only when the interaction does.
   * @throws Fault interaction_gone
   */
  static async begin(parts: SigninParts, context: Context, uid: string): Promise<Walk> {
    const call = Call.begin(parts.app, anonymous, requestFacts(context));
    const attempt_id = hashSecret(uid);
    const early = context.method === 'POST' ? readAttempt(call, attempt_id) : undefined;
    // Told when it is asked for; a refused interaction never asks.
    early?.catch(() => {});
    const details = await parts.interactions.details(context, uid);
    const known = details.prompt.name === 'login' ? await (early ?? readAttempt(call, attempt_id)) : undefined;
    return new Walk(parts, context, call, details, known ?? emptyAttempt(attempt_id));
  }

  get attempt(): Attempt {
    return this.#attempt;
  }

  /** Replaces what is known about the attempt, as a whole. */
  async save(attempt: Attempt): Promise<void> {
    await saveAttempt(this.call, attempt, new Date(this.call.now.getTime() + lifetimeMs));
    this.#attempt = attempt;
  }

  /** The organization that the application asks for: of the request, or its own. */
  get askedOrganization(): string | null {
    const asked = this.details.params.organization_id;
    return asked !== undefined && isId(asked) ? asked.toLowerCase() : this.details.client.org_id;
  }

  /** The address of a step of this interaction. */
  address(step?: string): string {
    return `/signin/${this.uid}${step === undefined ? '' : `/${step}`}`;
  }

  /** Answers with a page. The redirect behind its form may go on to the application (CSP3 form-action). */
  async render(view: string, data: object): Promise<Next> {
    const edge = edgeOf(this.context);
    const { client } = this.details;
    if (client.form_target !== '') edge.formTargets.push(client.form_target);
    this.context.type = 'html';
    this.context.body = this.parts.pages.render(view, {
      nonce: edge.nonce,
      locale: this.context.get('accept-language').split(',')[0],
      brand: await this.#brand(),
      csrf: this.parts.forms.token(this.context),
      application: { name: client.client_name },
      ...data,
    });
    return 'answered';
  }

  async #brand(): Promise<Brand | null> {
    const orgId = this.details.missing.org_id ?? this.#attempt.org_id ?? this.askedOrganization;
    const organization = orgId === null ? null : await findOrganization(this.call.db, orgId);
    return organization?.status === 'active' ? organization : null;
  }
}
