import { X509Certificate } from 'node:crypto';
import { Value } from 'typebox/value';
import { Application, ServicePrincipal, type KeyCredential, type PasswordCredential } from './state.ts';
import { count, instant, newId, newSecret, type World } from './world.ts';

// The tenant's directory: applications, service principals and their credentials, as Graph, the token endpoint and the
// HCI provider share them.

export function findApplication(world: World, appId: string): Application | undefined {
  return Object.values(world.state.applications).find((application) => application.appId === appId);
}

export function findServicePrincipal(world: World, appId: string): ServicePrincipal | undefined {
  return Object.values(world.state.servicePrincipals).find((principal) => principal.appId === appId);
}

export function createApplication(world: World, displayName: string, owners: string[]): Application {
  const application: Application = {
    id: newId(),
    appId: newId(),
    createdDateTime: instant(world),
    displayName,
    owners,
    passwordCredentials: [],
    keyCredentials: [],
    federatedIdentityCredentials: {},
    other: {},
  };
  world.state.applications[application.id] = application;
  count(world, 'applications', 'created');
  return application;
}

export function createServicePrincipal(
  world: World,
  given: {
    appId: string;
    displayName: string;
    owners: string[];
    servicePrincipalType: 'Application' | 'ManagedIdentity';
  },
): ServicePrincipal {
  const principal: ServicePrincipal = {
    id: newId(),
    createdDateTime: instant(world),
    accountEnabled: true,
    appRoles: [],
    passwordCredentials: [],
    other: {},
    ...given,
  };
  world.state.servicePrincipals[principal.id] = principal;
  count(world, 'servicePrincipals', 'created');
  return principal;
}

/** Deletes an application and its service principal; both can be found in `directory/deletedItems`, as after a delete through Graph. */
export function deleteApplication(world: World, objectId: string): boolean {
  const application = world.state.applications[objectId];
  if (application === undefined) return false;
  delete world.state.applications[objectId];
  world.state.deletedItems[objectId] = { kind: 'application', deletedDateTime: instant(world), value: application };
  count(world, 'applications', 'deleted');
  const principal = findServicePrincipal(world, application.appId);
  if (principal !== undefined) deleteServicePrincipal(world, principal.id);
  return true;
}

export function deleteServicePrincipal(world: World, objectId: string): boolean {
  const principal = world.state.servicePrincipals[objectId];
  if (principal === undefined) return false;
  delete world.state.servicePrincipals[objectId];
  world.state.deletedItems[objectId] = { kind: 'servicePrincipal', deletedDateTime: instant(world), value: principal };
  count(world, 'servicePrincipals', 'deleted');
  return true;
}

/** Brings back what lies in `directory/deletedItems`: an application without its service principal, which is an item of its own. */
export function restoreDeleted(world: World, objectId: string): void {
  const value = world.state.deletedItems[objectId]?.value;
  if (Value.Check(Application, value)) world.state.applications[objectId] = value;
  else if (Value.Check(ServicePrincipal, value)) world.state.servicePrincipals[objectId] = value;
  else throw new Error(`the deleted item ${objectId} is neither an application nor a service principal`);
  delete world.state.deletedItems[objectId];
}

export interface PasswordRequest {
  readonly displayName: string | null;
  readonly startDateTime: string;
  readonly endDateTime: string;
}

export function newPassword(world: World, request: PasswordRequest): PasswordCredential {
  const secretText = newSecret();
  count(world, 'passwords', 'created');
  return {
    keyId: newId(),
    displayName: request.displayName,
    hint: secretText.slice(0, 3),
    secretText,
    startDateTime: request.startDateTime,
    endDateTime: request.endDateTime,
    effectiveAt: instant(world, world.settings.secretPropagationSeconds),
  };
}

export function thumbprint(certificate: X509Certificate): string {
  return certificate.fingerprint.replaceAll(':', '');
}

/** A key credential from a certificate; undefined where it is none. */
export function newKeyCredential(world: World, certificateBase64: string): KeyCredential | undefined {
  const certificate = parseCertificate(certificateBase64);
  if (certificate === undefined) return undefined;
  const notAfter = certificate.validToDate.toISOString();
  const lifetime = world.settings.certificateLifetimeSeconds;
  const limit = lifetime === undefined ? notAfter : instant(world, lifetime);
  return {
    keyId: newId(),
    displayName: certificate.subject,
    customKeyIdentifier: thumbprint(certificate),
    type: 'AsymmetricX509Cert',
    usage: 'Verify',
    startDateTime: certificate.validFromDate.toISOString(),
    endDateTime: limit < notAfter ? limit : notAfter,
    key: certificate.raw.toString('base64'),
  };
}

function parseCertificate(base64: string): X509Certificate | undefined {
  try {
    return new X509Certificate(Buffer.from(base64, 'base64'));
  } catch {
    return undefined;
  }
}

/** Where the tenant's application management policy forbids a credential of that length: its refusal. */
export function lifetimeRefusal(
  world: World,
  kind: 'passwordLifetime' | 'keyLifetime',
  startDateTime: string,
  endDateTime: string,
): string | undefined {
  const seconds = (Date.parse(endDateTime) - Date.parse(startDateTime)) / 1000;
  const exceeded = world.settings.policies.some((policy) => policy.kind === kind && seconds > policy.maximumSeconds);
  return exceeded
    ? `Credential lifetime exceeds the max value allowed as per assigned policy '${world.state.tenantId}'.`
    : undefined;
}
