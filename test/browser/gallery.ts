/**
 * Every page with what it would really be given, and the same with what nobody should be given. Data only; the checks are in
 * gallery.test.ts. Over 300 lines because it is a list.
 */

export interface Sample {
  /** The file name of its screenshots. */
  readonly name: string;
  readonly view: string;
  readonly data: Record<string, unknown>;
  /** Origins that its form may post to, beyond our own. */
  readonly formAction?: string;
  /** It has nothing to press. */
  readonly passive?: true;
}

const csrf = 'b3JkaW5hcnktdG9rZW4tZm9yLXRoaXMtZm9ybQ';
const application = { name: 'Northwind Ledger', host: 'ledger.northwind.example' };
const action = '/signin/2Jm1tq7kCqf0/identify';
const northwind = { org_name: 'Northwind Traders', primary_color: '#0f766e' };
const sunny = { org_name: 'Sunny Side', primary_color: '#ffe600' };

/** A reordering sign, markup, and a word without an end. */
export const hostile = `<script>alert(1)</script>"'&\u202egnp.exe ${'Donaudampfschifffahrtsgesellschaft'.repeat(6)}`;

const openapi = {
  openapi: '3.1.0',
  info: {
    title: 'Lintel API',
    version: '0.1.0',
    description:
      'Manage organizations, people and access.\n\nSend `Authorization: Bearer` with an API key. Faults are `application/problem+json` with a stable `code`.',
  },
  servers: [{ url: 'http://localhost:3000/api/v1' }],
  tags: [
    { name: 'organizations', description: 'An organization is a tenant: one customer of yours.' },
    { name: 'roles' },
  ],
  paths: {
    '/organizations': {
      get: {
        operationId: 'listOrganizations',
        summary: 'List organizations',
        tags: ['organizations'],
        'x-permission': 'organizations.read',
        parameters: [
          {
            name: 'limit',
            in: 'query',
            schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
            description: 'How many at most.',
          },
          { name: 'after', in: 'query', schema: { type: 'string' }, description: 'The `next` of the page before.' },
        ],
        responses: {
          '200': {
            description: 'A page of organizations',
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  required: ['items', 'next'],
                  properties: {
                    items: { type: 'array', items: { $ref: '#/components/schemas/Organization' } },
                    next: { type: ['string', 'null'] },
                  },
                },
              },
            },
          },
          '401': { description: '`not_authenticated`: no valid credential.' },
        },
      },
      post: {
        operationId: 'createOrganization',
        summary: 'Create an organization',
        tags: ['organizations'],
        'x-permission': 'organizations.create',
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: ['org_name'],
                properties: {
                  org_name: {
                    type: 'string',
                    minLength: 1,
                    maxLength: 200,
                    description: 'What people call it.',
                    examples: ["Mo's Traders"],
                  },
                  slug: { type: 'string', description: 'Made from the name when absent.' },
                  org_metadata: {
                    type: 'object',
                    properties: { plan: { enum: ['free', 'team', 'enterprise'], description: 'Yours to use.' } },
                  },
                },
              },
            },
          },
        },
        responses: {
          '201': {
            description: 'The organization',
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Organization' } } },
          },
          '409': { description: '`organization_slug_taken`: the slug belongs to another organization.' },
        },
      },
    },
    '/organizations/{org_id}/roles/{role_id}': {
      parameters: [
        { name: 'org_id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } },
        { name: 'role_id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } },
      ],
      delete: {
        operationId: 'deleteRole',
        summary: 'Delete a role',
        tags: ['roles'],
        'x-permission': 'roles.manage',
        responses: {
          '204': { description: 'Deleted' },
          '404': { description: '`not_found`: there is no such role here.' },
        },
      },
    },
  },
  components: {
    schemas: {
      Organization: {
        type: 'object',
        description: 'One customer.',
        required: ['org_id', 'org_name', 'slug', 'status'],
        properties: {
          org_id: { type: 'string', format: 'uuid' },
          org_name: { type: 'string' },
          slug: { type: 'string' },
          status: { enum: ['active', 'suspended', 'deleted'] },
          created_at: { type: 'string', format: 'date-time' },
        },
      },
    },
  },
};

const claims = {
  iss: 'http://localhost:3000',
  sub: '0198c5a1-6f2e-7c41-9a3b-5a0d8f1c2e77',
  aud: 'northwind-ledger',
  email: 'ada@northwind.example',
  email_verified: true,
  org_id: '0198c5a0-11aa-7000-8123-90e5c3b7aa01',
  org_name: 'Northwind Traders',
  roles: ['member', 'bookkeeper'],
  permissions: ['invoices.read', 'invoices.create'],
  auth_time: 1795251600,
  exp: 1795255200,
};

const dressed = { brand: { org_name: 'Ledger', primary_color: '#7a2e8e' }, application: { name: 'Northwind Ledger' } };
const signedIn = {
  ...dressed,
  person: { name: 'Ada Okafor', email: 'ada@northwind.example', email_verified: true },
  organization: { org_id: claims.org_id, org_name: 'Northwind Traders' },
  roles: claims.roles,
  permissions: claims.permissions,
  claims,
  sign_out_action: '/sign-out',
  csrf,
};
const items = [
  { item_id: '1', name: 'Invoice 2026-118', description: 'Rigging and sailcloth, Harbour Street', status: 'active' },
  { item_id: '2', name: 'Invoice 2026-119', description: 'Two crates of brass lamps', status: 'draft' },
];
const messages = [
  {
    message_id: 'm2',
    to: 'ada@northwind.example',
    subject: 'Your sign-in link',
    sent_at: new Date('2026-11-21T09:12:00Z'),
  },
  {
    message_id: 'm1',
    to: 'grace@northwind.example',
    subject: 'Welcome to Northwind Ledger',
    sent_at: new Date('2026-11-21T08:57:30Z'),
  },
];
const people = [{ username: 'ada', password: 'ada-of-northwind', name: 'Ada Okafor' }];

export const samples: readonly Sample[] = [
  { name: 'signin-identify', view: 'signin/identify', data: { action, csrf, application } },
  { name: 'signin-identify-branded', view: 'signin/identify', data: { action, csrf, application, brand: northwind } },
  { name: 'signin-identify-yellow', view: 'signin/identify', data: { action, csrf, application, brand: sunny } },
  {
    name: 'signin-identify-problem',
    view: 'signin/identify',
    data: {
      action,
      csrf,
      application,
      identifier: 'ada@',
      problem: { field: 'identifier', message: 'Enter a whole e-mail address or your username.' },
    },
  },
  {
    name: 'signin-password',
    view: 'signin/password',
    data: {
      action,
      csrf,
      application,
      identifier: 'ada@northwind.example',
      change_url: '/signin/2Jm1tq7kCqf0',
      forgot_url: '/signin/2Jm1tq7kCqf0/forgot',
    },
  },
  {
    name: 'signin-password-problem',
    view: 'signin/password',
    data: {
      action,
      csrf,
      application,
      brand: northwind,
      identifier: 'ada@northwind.example',
      change_url: '/signin/x',
      problem: { field: 'password', message: 'This e-mail and password do not match. Try again.' },
    },
  },
  {
    name: 'signin-organization',
    view: 'signin/organization',
    data: {
      action,
      csrf,
      application,
      person: { email: 'ada@northwind.example' },
      change_url: '/signin/x',
      organizations: [
        { org_id: '1', org_name: 'Northwind Traders', detail: 'Owner' },
        { org_id: '2', org_name: 'Contoso Shipping', detail: 'Guest' },
        { org_id: '3', org_name: 'Üsküdar Lojistik' },
      ],
    },
  },
  {
    name: 'signin-redirect',
    view: 'signin/redirect',
    data: {
      url: 'https://login.acme.example/saml?SAMLRequest=abc&RelayState=x',
      provider: { name: 'Acme SSO' },
      identifier: 'ada@acme.example',
      change_url: '/signin/x',
      application,
      auto: false,
    },
  },
  {
    name: 'signin-post',
    view: 'signin/post',
    formAction: 'https://login.acme.example',
    data: {
      action: 'https://login.acme.example/saml',
      fields: { SAMLRequest: 'PHNhbWw+', RelayState: 'r1' },
      provider: { name: 'Acme SSO' },
      auto: false,
    },
  },
  {
    name: 'signin-consent',
    view: 'signin/consent',
    data: {
      action,
      csrf,
      application: {
        ...application,
        policy_url: 'https://northwind.example/privacy',
        terms_url: 'https://northwind.example/terms',
      },
      person: { email: 'ada@northwind.example', name: 'Ada Okafor' },
      organization: { org_name: 'Northwind Traders' },
      scopes: [
        'openid',
        'profile',
        'email',
        'offline_access',
        { scope: 'invoices', title: 'Read your invoices', detail: 'Of this organization only' },
      ],
      change_url: '/signin/x',
    },
  },
  {
    name: 'signin-error',
    view: 'signin/error',
    data: { reference: 'LT-7Q4M-2XKD', retry_url: '/signin/x', application },
  },
  {
    name: 'signin-signout',
    view: 'signin/signout',
    data: {
      action: '/oauth/logout/confirm',
      fields: { xsrf: 'abc' },
      person: { email: 'ada@northwind.example' },
      application,
    },
  },
  {
    name: 'signin-signed-out',
    view: 'signin/signed-out',
    data: { application: { name: 'Northwind Ledger', url: 'https://ledger.northwind.example/' } },
  },
  { name: 'setup', view: 'setup', data: { action: '/setup', csrf, fields: { token: 't' } } },
  {
    name: 'setup-problems',
    view: 'setup',
    data: {
      action: '/setup',
      csrf,
      values: { email: 'admin', name: 'Grace' },
      problems: [
        { field: 'email', message: 'Enter an e-mail address such as grace@example.com.' },
        { field: 'password', message: 'Use at least 15 characters.' },
      ],
    },
  },
  {
    name: 'setup-done',
    view: 'setup',
    data: {
      result: {
        api_key: 'ltl_key_9f8Qm2Lw0YxT4vKc7RbN1sZe5HpJ3uDa6GiOq',
        email: 'grace@northwind.example',
        sign_in_url: '/account',
      },
    },
  },
  { name: 'home', view: 'home', data: { issuer: 'http://localhost:3000', version: '0.1.0', development: true } },
  { name: 'home-new', view: 'home', data: { issuer: 'http://localhost:3000', version: '0.1.0', setup_pending: true } },
  { name: 'mail-empty', view: 'dev/mail', data: { messages: [] } },
  { name: 'mail-list', view: 'dev/mail', data: { messages } },
  {
    name: 'mail-message',
    view: 'dev/mail',
    data: {
      messages,
      selected: {
        ...messages[0],
        from: 'Lintel <no-reply@localhost>',
        text: 'Hello Ada,\n\nuse this link to sign in:\n\nhttp://localhost:3000/signin/link?code=4f9a&x=1\n\nIt works once, for ten minutes.',
      },
    },
  },
  {
    name: 'fault-404',
    view: 'fault',
    data: {
      status: 404,
      code: 'not_found',
      sentence: 'The address may be mistyped, or the thing was deleted.',
      request_id: '0198c5a1-6f2e-7c41-9a3b-5a0d8f1c2e77',
    },
  },
  {
    name: 'fault-503',
    view: 'fault',
    data: {
      status: 503,
      code: 'database_unavailable',
      sentence: 'The service is busy or restarting.',
      request_id: '0198c5a1-6f2e-7c41-9a3b-5a0d8f1c2e77',
    },
  },
  { name: 'api-docs', view: 'api-docs', data: { openapi }, passive: true },
  { name: 'demo-application-start', view: 'demo/application', data: { ...dressed, sign_in_url: '/sign-in' } },
  { name: 'demo-application', view: 'demo/application', data: { ...signedIn, items } },
  {
    name: 'demo-application-refused',
    view: 'demo/application',
    data: { ...signedIn, items_problem: 'The token lacks invoices.read.', roles: [], permissions: [] },
  },
  {
    name: 'demo-identity-provider',
    view: 'demo/identity-provider',
    data: { action: '/login', fields: { SAMLRequest: 'x' }, service: { name: 'Northwind Ledger' }, people },
  },
  {
    name: 'demo-identity-provider-problem',
    view: 'demo/identity-provider',
    data: {
      action: '/login',
      values: { username: 'ada' },
      problem: { field: 'password', message: 'Username or password is wrong.' },
    },
  },
];

const tenant = { org_name: hostile, primary_color: '#888;}body{display:none}', logo_url: 'javascript:alert(1)' };
const evil = { name: hostile, host: hostile };

/** The same pages when everybody lies. No screenshots are needed to judge them, but two are taken. */
export const hostileSamples: readonly Sample[] = [
  {
    name: 'hostile-identify',
    view: 'signin/identify',
    data: {
      action,
      csrf,
      application: evil,
      identifier: hostile,
      brand: tenant,
      problem: { field: 'identifier', message: hostile },
    },
  },
  {
    name: 'hostile-password',
    view: 'signin/password',
    data: { action, csrf, application: evil, identifier: hostile, change_url: '/x', brand: tenant },
  },
  {
    name: 'hostile-organization',
    view: 'signin/organization',
    data: {
      action,
      csrf,
      application: evil,
      organizations: [{ org_id: hostile, org_name: hostile, detail: hostile, logo_url: 'https://' }],
      person: { email: hostile },
    },
  },
  {
    name: 'hostile-redirect',
    view: 'signin/redirect',
    data: {
      url: `https://login.acme.example/?x=${'y'.repeat(3000)}`,
      provider: evil,
      identifier: hostile,
      application: evil,
      auto: false,
    },
  },
  {
    name: 'hostile-post',
    view: 'signin/post',
    formAction: 'https://login.acme.example',
    data: {
      action: 'https://login.acme.example/',
      fields: { RelayState: hostile, '"><script>': hostile },
      provider: evil,
      auto: false,
    },
  },
  {
    name: 'hostile-consent',
    view: 'signin/consent',
    data: {
      action,
      csrf,
      application: evil,
      person: { email: hostile, name: hostile },
      organization: { org_name: hostile },
      scopes: [hostile, 'openid'],
    },
  },
  {
    name: 'hostile-error',
    passive: true,
    view: 'signin/error',
    data: { reference: hostile, title: hostile, message: hostile, advice: [hostile], application: evil, brand: tenant },
  },
  {
    name: 'hostile-signout',
    view: 'signin/signout',
    data: { action: '/x', fields: { xsrf: hostile }, person: { email: hostile }, application: evil },
  },
  {
    name: 'hostile-signed-out',
    view: 'signin/signed-out',
    data: { application: { ...evil, url: 'https://x.example/' } },
  },
  {
    name: 'hostile-setup',
    view: 'setup',
    data: {
      action: '/setup',
      csrf,
      values: { email: hostile, name: hostile },
      problems: [{ field: 'email', message: hostile }, { message: hostile }],
    },
  },
  { name: 'hostile-setup-done', view: 'setup', data: { result: { api_key: hostile, email: hostile } } },
  {
    name: 'hostile-mail',
    view: 'dev/mail',
    data: {
      messages: [{ message_id: hostile, to: hostile, subject: hostile, sent_at: hostile }],
      selected: {
        message_id: hostile,
        from: hostile,
        to: hostile,
        subject: hostile,
        sent_at: hostile,
        text: `${hostile} http://x.example/${'y'.repeat(300)} javascript:alert(1) http://[`,
      },
    },
  },
  {
    name: 'hostile-fault',
    view: 'fault',
    data: { status: 418, code: hostile, sentence: hostile, request_id: hostile },
  },
  {
    name: 'hostile-application',
    view: 'demo/application',
    data: {
      ...signedIn,
      application: evil,
      person: { name: hostile, email: hostile },
      organization: { org_name: hostile },
      roles: [hostile],
      permissions: [hostile],
      claims: { [hostile]: hostile, nested: { a: hostile } },
      items: [{ name: hostile, description: hostile, status: hostile }],
    },
  },
  {
    name: 'hostile-identity-provider',
    view: 'demo/identity-provider',
    data: {
      action: '/login',
      provider: evil,
      service: evil,
      values: { username: hostile },
      people: [{ username: hostile, password: hostile, name: hostile }],
      problem: { field: 'username', message: hostile },
    },
  },
  {
    name: 'hostile-api-docs',
    view: 'api-docs',
    passive: true,
    data: { openapi: { ...openapi, info: { title: hostile, version: hostile, description: hostile } } },
  },
];
