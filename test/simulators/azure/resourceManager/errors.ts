import type { Reply } from '../listener.ts';

interface Detail {
  readonly code: string;
  readonly target?: string;
  readonly message: string;
}

/** An answer of Resource Manager, or of a provider behind it, that says no. `gateway`: Resource Manager itself refused. */
export class ArmError extends Error {
  override name = 'ArmError';
  readonly status: number;
  readonly code: string;
  readonly gateway: boolean;
  readonly details: readonly Detail[] | undefined;
  readonly target: string | undefined;
  readonly additionalInfo: readonly object[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
  constructor(
    status: number,
    code: string,
    message: string,
    more: {
      gateway?: boolean;
      details?: readonly Detail[];
      target?: string;
      additionalInfo?: readonly object[];
      headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.gateway = more.gateway ?? false;
    this.details = more.details;
    this.target = more.target;
    this.additionalInfo = more.additionalInfo;
    this.headers = more.headers ?? {};
  }
}

export function errorReply(error: ArmError): Reply {
  const body: Record<string, unknown> = { code: error.code, message: error.message };
  if (error.target !== undefined) body['target'] = error.target;
  if (error.details !== undefined) body['details'] = error.details;
  if (error.additionalInfo !== undefined) body['additionalInfo'] = error.additionalInfo;
  return {
    status: error.status,
    headers: { ...error.headers, ...(error.gateway ? { 'x-ms-failure-cause': 'gateway' } : {}) },
    body: { error: body },
  };
}

const gateway = { gateway: true };

export const resourceGroupNotFound = (name: string) =>
  new ArmError(404, 'ResourceGroupNotFound', `Resource group '${name}' could not be found.`, gateway);

export const resourceNotFound = (typeAndName: string, group: string) =>
  new ArmError(
    404,
    'ResourceNotFound',
    `The Resource '${typeAndName}' under resource group '${group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
    gateway,
  );

export const parentResourceNotFound = (type: string, parentId: string) =>
  new ArmError(
    404,
    'ParentResourceNotFound',
    `Failed to perform 'write' on resource(s) of type '${type}', because the parent resource '${parentId}' could not be found.`,
    gateway,
  );

export const invalidRequestContent = (message: string) =>
  new ArmError(
    400,
    'InvalidRequestContent',
    `The request content was invalid and could not be deserialized: '${message}'.`,
    gateway,
  );

export const anotherOperationInProgress = (operationUrl: string) =>
  new ArmError(
    409,
    'AnotherOperationInProgress',
    `Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: ${operationUrl}.`,
  );

export const conflict = (message: string) => new ArmError(409, 'Conflict', message);

export const groupBeingDeleted = (name: string) =>
  new ArmError(
    409,
    'ResourceGroupBeingDeleted',
    `The resource group '${name}' is in deprovisioning state and cannot perform this operation.`,
    gateway,
  );
