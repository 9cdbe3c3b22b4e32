import { createHash, X509Certificate } from 'node:crypto';
import { createRequestBudget, type RequestBudget } from '../azure/budget.ts';
import { cloudEndpoints, type CloudEndpoints } from '../azure/clouds.ts';
import { createCredential, federatedTokenAudience, type Authority, type SignIn } from '../azure/credentials.ts';
import { createGraph, type Graph } from '../azure/graph.ts';
import type { OnAzureExchange } from '../azure/http-client.ts';
import { createInventory, type Inventory } from '../azure/inventory.ts';
import { createResourceManager, type ResourceManager } from '../azure/resource-manager.ts';
import { obtainToken, signInAsPrincipal } from '../azure/sign-in.ts';
import type { RegistrationSpec } from '../api/spec.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Secret } from '../kube/core.ts';
import { KubeError } from '../kube/kube-error.ts';
import type { ReferencedObjects } from '../kube/referenced.ts';
import { createServiceAccountToken, isAbsent } from '../kube/resource.ts';
import type { Configuration } from '../configuration.ts';
import { NotAllowed, SecretProblem } from './problems.ts';
import type { Validity } from './validity.ts';

export type SecretReader = Pick<ReferencedObjects<Secret>, 'read'>;

/** Azure for everything that signs in as one principal to one subscription: one credential, one pipeline, one budget. */
export interface Session {
  arm: ResourceManager;
  graph: Graph;
  /** What is read once for all objects of this session. */
  inventory: Inventory;
  /** How long the credential is valid, as its Secret or its certificate says; undefined when nothing says it. */
  credentialValidity: Validity | undefined;
  /** @throws AzureError, SecretProblem or KubeError when no token is to be had */
  checkSignIn(signal: AbortSignal): Promise<void>;
}

/** What signs in: an object of ours. */
export interface SignsIn {
  metadata: { namespace: string };
  spec: { azure: Pick<RegistrationSpec['azure'], 'cloud' | 'tenantId' | 'subscriptionId' | 'identity'> };
}

export interface Sessions {
  endpoints(object: SignsIn): CloudEndpoints;
  /** Reads what the spec's identity needs, and opens a session or finds the open one. @throws SecretProblem, NotAllowed, KubeError */
  open(object: SignsIn, signal: AbortSignal): Promise<Session>;
  /** Signs in with this client secret. @returns the object id of its service principal. @throws AzureError */
  tryClientSecret(object: SignsIn, clientId: string, clientSecret: string, signal: AbortSignal): Promise<string>;
}

/** A session that nobody opened for so long belongs to a changed secret or a deleted object. */
const idleMs = 2 * 3_600_000;

export interface SessionsOptions {
  /** For tokens of ServiceAccounts. */
  kube: KubeClient;
  secrets: SecretReader;
  configuration: Configuration;
  certificateAuthorities: string[] | undefined;
  userAgent: string;
  /** Called right before a write to Azure is sent; what it throws is thrown instead. */
  beforeWrite: () => void;
  onExchange: OnAzureExchange;
}

export function createSessions(options: SessionsOptions): Sessions {
  const { configuration, certificateAuthorities, userAgent, beforeWrite, onExchange } = options;
  const sessions = new Map<string, { session: Session; openedAt: number }>();
  // Outlives a changed secret: the limits are of the principal. Few and small, so they are kept.
  const budgets = new Map<string, RequestBudget>();
  const budgetOf = (principal: string): RequestBudget => {
    const budget = budgets.get(principal) ?? createRequestBudget(() => Date.now());
    budgets.set(principal, budget);
    return budget;
  };
  const endpoints = ({ spec }: SignsIn) => cloudEndpoints(spec.azure.cloud, configuration.clouds[spec.azure.cloud]);

  return {
    endpoints,
    async open(object, signal) {
      const { cloud: cloudName, tenantId, subscriptionId, identity } = object.spec.azure;
      const { namespace } = object.metadata;
      const { signIn, validity } = await readSignIn(options, object, signal);
      // A federated token is of one ServiceAccount; else what the principal proves itself with tells it from others.
      const account =
        signIn.type === 'WorkloadIdentity' ? [namespace, identity.workloadIdentity?.serviceAccountName] : [];
      const key = createHash('sha256')
        .update(JSON.stringify([cloudName, tenantId, subscriptionId, signIn, validity, account]))
        .digest('base64');
      const openedAt = Date.now();
      for (const [other, { openedAt: last }] of sessions) if (openedAt - last > idleMs) sessions.delete(other);
      const open = sessions.get(key);
      if (open !== undefined) {
        open.openedAt = openedAt;
        return open.session;
      }
      const cloud = endpoints(object);
      const authority: Authority = { tenantId, endpoints: cloud, certificateAuthorities, onExchange };
      const credential = createCredential(signIn, authority);
      const arm = createResourceManager({
        credential,
        subscriptionId,
        endpoints: cloud,
        certificateAuthorities,
        budgets: {
          ofSubscription: budgetOf(JSON.stringify([cloudName, tenantId, subscriptionId, signIn.clientId])),
          ofPrincipal: budgetOf(JSON.stringify([cloudName, tenantId, signIn.clientId])),
        },
        userAgent,
        beforeWrite,
        onExchange,
      });
      const session: Session = {
        credentialValidity: validity,
        arm,
        graph: createGraph({
          credential,
          endpoints: cloud,
          certificateAuthorities,
          // Graph's limits are its own.
          budget: budgetOf(JSON.stringify(['graph', cloudName, tenantId, signIn.clientId])),
          userAgent,
          beforeWrite,
          onExchange,
        }),
        inventory: createInventory(arm, () => new Date()),
        checkSignIn: async (caller) => void (await obtainToken(credential, authority, caller).catch(throwOwn)),
      };
      sessions.set(key, { session, openedAt });
      return session;
    },
    tryClientSecret(object, clientId, clientSecret, signal) {
      const { tenantId } = object.spec.azure;
      const authority: Authority = { tenantId, endpoints: endpoints(object), certificateAuthorities, onExchange };
      return signInAsPrincipal(
        createCredential({ type: 'ClientSecret', clientId, clientSecret }, authority),
        authority,
        signal,
      );
    },
  };
}

/** What went wrong while the proof of identity was made is the reason, not that Microsoft Entra got none. */
function throwOwn(error: unknown): never {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof SecretProblem || cause instanceof KubeError) throw cause;
  throw error;
}

async function readSignIn(
  { kube, secrets, configuration }: SessionsOptions,
  object: SignsIn,
  signal: AbortSignal,
): Promise<{ signIn: SignIn; validity: Validity | undefined }> {
  const { namespace } = object.metadata;
  const { identity } = object.spec.azure;
  const member = <T>(value: T | undefined): T => {
    if (value === undefined)
      throw new SecretProblem(`spec.azure.identity lacks the member that type ${identity.type} names`);
    return value;
  };
  switch (identity.type) {
    case 'ClientSecret': {
      const { clientId, secretRef } = member(identity.clientSecret);
      const secret = await readSecret(secrets, namespace, secretRef.name, signal);
      const notAfter = readExpiresOn(secret, `${namespace}/${secretRef.name}`);
      const clientSecret = secret.required('clientSecret').trim();
      const validity = notAfter === undefined ? undefined : { notBefore: undefined, notAfter };
      return { signIn: { type: 'ClientSecret', clientId, clientSecret }, validity };
    }
    case 'ClientCertificate': {
      const { clientId, secretRef } = member(identity.clientCertificate);
      const secret = await readSecret(secrets, namespace, secretRef.name, signal);
      const certificate = secret.required('tls.crt');
      const pem = [certificate, secret.required('tls.key')].join('\n');
      return { signIn: { type: 'ClientCertificate', clientId, pem }, validity: certificateValidity(certificate) };
    }
    case 'WorkloadIdentity': {
      const { clientId, serviceAccountName } = member(identity.workloadIdentity);
      const getAssertion = async () => {
        const { token } = await createServiceAccountToken(
          kube,
          { namespace, name: serviceAccountName },
          { audiences: [federatedTokenAudience], expirationSeconds: 600 },
        ).catch((error: unknown) => {
          throw isAbsent(error)
            ? new SecretProblem(`ServiceAccount ${namespace}/${serviceAccountName} does not exist.`)
            : error;
        });
        return token;
      };
      return { signIn: { type: 'WorkloadIdentity', clientId, getAssertion }, validity: undefined };
    }
    case 'ManagedIdentity': {
      if (!configuration.managedIdentityNamespaces.includes(namespace)) {
        throw new NotAllowed(
          `spec.azure.identity.type ManagedIdentity is the controller's own identity, and its configuration does not list the namespace ${namespace} (managedIdentityNamespaces)`,
        );
      }
      return { signIn: { type: 'ManagedIdentity', clientId: identity.managedIdentity?.clientId }, validity: undefined };
    }
  }
}

function certificateValidity(pem: string): Validity {
  try {
    const { validFromDate: notBefore, validToDate: notAfter } = new X509Certificate(pem);
    return { notBefore, notAfter };
  } catch (cause) {
    throw new SecretProblem('tls.crt is not a certificate in PEM', { cause });
  }
}

/** When the client secret in it expires, as its owner says. @throws SecretProblem when that is no instant */
export function readExpiresOn(secret: SecretContent, name: string): Date | undefined {
  const expiresOn = secret.optional('expiresOn')?.trim();
  const notAfter = expiresOn === undefined ? undefined : new Date(expiresOn);
  if (notAfter !== undefined && Number.isNaN(notAfter.getTime())) {
    throw new SecretProblem(`Secret ${name}: expiresOn is not an RFC 3339 time such as 2028-01-31T00:00:00Z.`);
  }
  return notAfter;
}

/** The content of a Secret, as text. */
export interface SecretContent {
  /** @throws SecretProblem when the key is missing or empty */
  required(key: string): string;
  optional(key: string): string | undefined;
}

/** @throws SecretProblem when there is no such Secret */
export async function readSecret(
  secrets: SecretReader,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<SecretContent> {
  const secret = await secrets.read({ namespace, name }, signal);
  if (secret === undefined) throw new SecretProblem(`Secret ${namespace}/${name} does not exist.`);
  const optional = (key: string) => {
    const value = secret.data?.[key];
    return value === undefined || value === '' ? undefined : Buffer.from(value, 'base64').toString('utf8');
  };
  const required = (key: string) => {
    const value = optional(key);
    if (value === undefined) throw new SecretProblem(`Secret ${namespace}/${name} has no key ${key}.`);
    return value;
  };
  return { required, optional };
}
