// What is known about the OpenAPI files of ../shared/azure-recordings/swagger.

/** Exchanges that none of them describes. */
export interface NotPublished {
  readonly method: RegExp;
  readonly path: RegExp;
  readonly reason: string;
}

/** Exchanges that are held against another version's file. */
export interface JudgedBy {
  readonly path: RegExp;
  /** The api-version that was sent. */
  readonly from: RegExp;
  /** The api-version of the file. */
  readonly to: string;
  /** The path it is looked up by. */
  readonly lookUp?: (path: string) => string;
  readonly reason: string;
}

/** What a file says and Azure does not do. One that allows nothing fails `npm run conformance`. */
export interface Allowance {
  readonly operation: RegExp;
  readonly side: 'request' | 'response';
  readonly code: string;
  /** Where in the body. */
  readonly path: RegExp;
  readonly reason: string;
}

export const notPublished: readonly NotPublished[] = [
  {
    method: /./,
    path: /^\/v1\.0\//,
    reason: "Graph's OpenAPI is not among those held here; the recordings show it",
  },
  {
    method: /./,
    path: /^\/[^/]+\/(oauth2|v2\.0|discovery)\//,
    reason: 'Entra has no OpenAPI; its protocol is OpenID Connect',
  },
  {
    method: /^POST$/,
    path: /^\/providers\/Microsoft\.ResourceGraph\/resources$/i,
    reason: "Resource Graph's OpenAPI is not among those held here",
  },
  {
    method: /^GET$/,
    path: /^\/metadata\/identity\/oauth2\/token\/?$/,
    reason: 'the Instance Metadata Service has no OpenAPI among those held here',
  },
  {
    method: /./,
    path: /^(\/[^/]+)?\/(health$|clusters\/)/,
    reason: 'the data plane of the nodes is not public; what stands for it is ours',
  },
  {
    method: /^GET$/,
    path: /\/operation(Statuses|results)\//i,
    reason: 'operations have no OpenAPI; the recordings show them',
  },
  {
    method: /^GET$/,
    path: /\/providers\/Microsoft\.Authorization\/permissions$/i,
    reason: 'the file of permissions is not among those held here',
  },
  {
    method: /^PUT$/,
    path: /\/providers\/Microsoft\.Authorization\/roleDefinitions\/[^/]+$/i,
    reason: 'the file of role definitions is not among those held here',
  },
];

const olderResources = '2022-09-01';

export const judgedBy: readonly JudgedBy[] = [
  {
    path: /^\/providers\/Microsoft\.ResourceGraph\/resources$/i,
    from: /^2024-04-01$/,
    to: '2022-10-01',
    reason: 'queries are the same in both versions; only the file of 2022-10-01 is held here',
  },
  {
    path: /^\/subscriptions\/[^/]+\/resourcegroups(\/[^/]+)?$/i,
    from: /^20(19|20|21|25)-/,
    to: olderResources,
    reason: 'resource groups are the same in every version; only the file of 2022-09-01 is held here',
  },
  {
    path: /^\/subscriptions\/[^/]+\/providers\/[^/]+(\/(un)?register)?$/i,
    from: /^20(22|25)-/,
    to: olderResources,
    lookUp: (path) => path.replace(/(?<=\/providers\/)[^/]+/i, 'Microsoft.Unknown'),
    reason:
      'providers are the same in every version; the validator takes the namespace for the provider that is called, and keeps what no provider is in the path of under Unknown',
  },
];

export const allowances: readonly Allowance[] = [
  {
    operation: /^RoleAssignments_Create$/,
    side: 'request',
    code: 'OBJECT_ADDITIONAL_PROPERTIES',
    path: /^\/name$/,
    reason: 'Azure Service Operator sends the name in the body too, and Azure took it (recorded 2024-06)',
  },
  {
    operation: /^ResourceGroups_CreateOrUpdate$/,
    side: 'request',
    code: 'READONLY_PROPERTY_NOT_ALLOWED_IN_REQUEST',
    path: /^\/name$/,
    reason: 'Azure Service Operator sends the name in the body too, and Azure took it (recorded 2024-06)',
  },
  {
    operation: /^Providers_(Get|Register)$/,
    side: 'response',
    code: 'OBJECT_ADDITIONAL_PROPERTIES',
    path: /^\/authorizations?$/,
    reason: 'recorded sessions show it, the file of 2022-09-01 does not know it',
  },
];
