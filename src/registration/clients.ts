import type { Started } from './bookkeeping.ts';
import type { GeneratedPassword } from '../azure/models.ts';
import type { ResourceManager } from '../azure/resource-manager.ts';
import type { RenewalRequests } from './facts.ts';
import type { OperationArguments, OperationName, OperationResult } from '../nodes/operations.ts';

/** The secret of the Arc service principal, in a Secret that this object owns. */
export interface ArcSecretStore {
  /** Makes the Secret, so that a secret is generated only where it can be kept. */
  prepare(appId: string): Promise<void>;
  /**
   * Keeps a secret that was just made, beside what is known of the one that the nodes hold. Does not give up at the first failure: there
   * is no second answer.
   * @param requests those that it answers
   * @throws SecretNotKept
   */
  keep(appId: string, password: GeneratedPassword, requests: RenewalRequests): Promise<void>;
  /** @throws SecretProblem when there is no text */
  readText(): Promise<string>;
  /** The nodes have it: key id and expiry are kept as theirs. Does nothing when the Secret is about another application by now. */
  dropText(appId: string): Promise<void>;
}

/** The secret of the user's own Arc service principal, and in a Secret that this object owns which one the nodes hold. */
export interface OnboardingSecretStore {
  /** @throws SecretProblem when the Secret holds another one by now */
  readText(fingerprint: string): Promise<string>;
  /** @param repair the request that it answers */
  recordHandedOver(appId: string, fingerprint: string, repair: string | undefined): Promise<void>;
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
