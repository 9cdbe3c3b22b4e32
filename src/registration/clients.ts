import type { GeneratedPassword } from '../azure/models.ts';
import type { ResourceManager } from '../azure/resource-manager.ts';
import type { OperationArguments, OperationName, OperationResult } from '../nodes/operations.ts';

/** The secret of the Arc service principal, in a Secret that this object owns. */
export interface ArcSecretStore {
  keep(appId: string, password: GeneratedPassword): Promise<void>;
  /** @throws SecretProblem when there is no text */
  readText(): Promise<string>;
  dropText(): Promise<void>;
}

/** What a step acts with, for one registration. */
export interface Clients {
  arm: ResourceManager;
  /** @throws NodeError */
  run<N extends OperationName>(node: string, operation: N, operationArguments: OperationArguments<N>): Promise<OperationResult<N>>;
  arcSecret: ArcSecretStore;
  signal: AbortSignal;
}

/** What is remembered of a write that only started something. */
export interface Started {
  operationUrl: string | undefined;
  detail?: string;
}

export type Act<A> = (clients: Clients, given: A) => Promise<Started | void>;
