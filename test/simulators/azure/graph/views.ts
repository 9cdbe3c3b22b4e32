import type { Application, KeyCredential, PasswordCredential, ServicePrincipal } from '../state.ts';

// What Graph shows of directory objects: never a secret, and a certificate only where it was selected.

/** Properties of an application that a client may set, with what a new one has. */
export const applicationDefaults: Readonly<Record<string, unknown>> = {
  applicationTemplateId: null,
  disabledByMicrosoftStatus: null,
  description: null,
  groupMembershipClaims: null,
  identifierUris: [],
  isDeviceOnlyAuthSupported: null,
  isFallbackPublicClient: null,
  notes: null,
  publisherDomain: 'simulated.onmicrosoft.com',
  serviceManagementReference: null,
  signInAudience: 'AzureADandPersonalMicrosoftAccount',
  tags: [],
  tokenEncryptionKeyId: null,
  samlMetadataUrl: null,
  defaultRedirectUri: null,
  certification: null,
  optionalClaims: null,
  servicePrincipalLockConfiguration: null,
  requestSignatureVerification: null,
  addIns: [],
  api: {
    acceptMappedClaims: null,
    knownClientApplications: [],
    requestedAccessTokenVersion: 2,
    oauth2PermissionScopes: [],
    preAuthorizedApplications: [],
  },
  appRoles: [],
  info: { logoUrl: null, marketingUrl: null, privacyStatementUrl: null, supportUrl: null, termsOfServiceUrl: null },
  parentalControlSettings: { countriesBlockedForMinors: [], legalAgeGroupRule: 'Allow' },
  publicClient: { redirectUris: [] },
  requiredResourceAccess: [],
  verifiedPublisher: { displayName: null, verifiedPublisherId: null, addedDateTime: null },
  web: {
    homePageUrl: null,
    logoutUrl: null,
    redirectUris: [],
    implicitGrantSettings: { enableAccessTokenIssuance: false, enableIdTokenIssuance: false },
    redirectUriSettings: [],
  },
  spa: { redirectUris: [] },
};

export const principalDefaults: Readonly<Record<string, unknown>> = {
  alternativeNames: [],
  appDescription: null,
  appRoleAssignmentRequired: false,
  description: null,
  homepage: null,
  loginUrl: null,
  logoutUrl: null,
  notes: null,
  notificationEmailAddresses: [],
  preferredSingleSignOnMode: null,
  replyUrls: [],
  tags: [],
  addIns: [],
  appRoles: [],
  info: { logoUrl: null, marketingUrl: null, privacyStatementUrl: null, supportUrl: null, termsOfServiceUrl: null },
  keyCredentials: [],
  oauth2PermissionScopes: [],
};

export function applicationView(application: Application, select: string | null): Record<string, unknown> {
  const withKeys = select?.toLowerCase().split(',').includes('keycredentials') ?? false;
  return {
    id: application.id,
    deletedDateTime: null,
    appId: application.appId,
    createdDateTime: application.createdDateTime,
    displayName: application.displayName,
    ...applicationDefaults,
    ...application.other,
    keyCredentials: application.keyCredentials.map((credential) => keyView(credential, withKeys)),
    passwordCredentials: application.passwordCredentials.map(passwordView),
  };
}

export function principalView(principal: ServicePrincipal, tenantId: string): Record<string, unknown> {
  return {
    id: principal.id,
    deletedDateTime: null,
    accountEnabled: principal.accountEnabled,
    appDisplayName: principal.displayName,
    appId: principal.appId,
    appOwnerOrganizationId: tenantId,
    createdDateTime: principal.createdDateTime,
    displayName: principal.displayName,
    servicePrincipalNames: [principal.appId],
    servicePrincipalType: principal.servicePrincipalType,
    ...principalDefaults,
    ...principal.other,
    passwordCredentials: principal.passwordCredentials.map(passwordView),
  };
}

export function passwordView(credential: PasswordCredential): Record<string, unknown> {
  const { displayName, endDateTime, hint, keyId, startDateTime } = credential;
  return { customKeyIdentifier: null, displayName, endDateTime, hint, keyId, secretText: null, startDateTime };
}

function keyView(credential: KeyCredential, withKey: boolean): Record<string, unknown> {
  const { customKeyIdentifier, displayName, endDateTime, key, keyId, startDateTime, type, usage } = credential;
  return {
    customKeyIdentifier,
    displayName,
    endDateTime,
    key: withKey ? key : null,
    keyId,
    startDateTime,
    type,
    usage,
  };
}
