import type { Started } from './bookkeeping.ts';
import type { GeneratedPassword } from '../azure/models.ts';
import type { ResourceManager } from '../azure/resource-manager.ts';
import type { OperationArguments, OperationName, OperationResult } from '../nodes/operations.ts';

/** The secret of the Arc service principal, in a Secret that this object owns. */
export interface ArcSecretStore {
  /** Makes the Secret, so that a secret is generated only where it can be kept. */
  prepare(appId: string): Promise<void>;
  keep(appId: string, password: GeneratedPassword): Promise<void>;
  /** @throws SecretProblem when there is no text */
  readText(): Promise<string>;
  /** Keeps the key id and the expiry. Does nothing when the Secret is about another application by now. */
  dropText(appId: string): Promise<void>;
}

/** The secret of the user's own Arc service principal, and in a Secret that this object owns which one the nodes hold. */
export interface OnboardingSecretStore {
  /** @throws SecretProblem when the Secret holds another one by now */
  readText(fingerprint: string): Promise<string>;
  recordHandedOver(appId: string, fingerprint: string): Promise<void>;
  recordFound(appId: string, fingerprint: string): Promise<void>;
}

/** Runs an operation on a node of the registration. Throws NodeError. */
export type Run = <N extends OperationName>(
  node: string,
  operation: N,
  operationArguments: OperationArguments<N>,
) => Promise<OperationResult<N>>;

/** What a step acts with, for one registration. */
export interface Clients {
  arm: ResourceManager;
  run: Run;
  arcSecret: ArcSecretStore;
  onboarding: OnboardingSecretStore;
  signal: AbortSignal;
}

export type Act<A> = (clients: Clients, given: A) => Promise<Started | void>;
