import { X509Certificate } from 'node:crypto';
import type { Application, KeyCredential, PasswordCredential, ServicePrincipal } from './state.ts';
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
