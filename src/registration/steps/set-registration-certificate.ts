import type { ClusterResource } from '../../azure/models.ts';
import type { OperationArguments } from '../../nodes/operations.ts';
import { leftAlone } from '../node-state.ts';
import { certificateNeed } from '../certificates.ts';
import { members, nonEmpty, unread, type Evaluation, type PlanInput, type Step } from '../step.ts';

export interface SetRegistrationCertificateArguments {
  node: string;
  parameters: OperationArguments<'setRegistrationCertificate'>;
}

/** What the nodes are told of the cloud. Undefined while Azure has not filled it in. */
export function registrationParameters(
  { target }: PlanInput,
  resource: ClusterResource,
): OperationArguments<'setRegistrationCertificate'> | undefined {
  const { serviceEndpoint, aadClientId, cloudId } = resource.properties;
  if (!nonEmpty(serviceEndpoint) || !nonEmpty(aadClientId) || !nonEmpty(cloudId)) return undefined;
  return {
    serviceEndpoint, // since module 1.2.0 from the resource, not from a table
    billingServiceApiScope: target.endpoints.billingServiceApiScope,
    graphServiceApiScope: target.endpoints.graphScope,
    aadAuthority: target.endpoints.login,
    appId: aadClientId,
    tenantId: target.tenantId,
    cloudId,
    certificateThumbprint: '', // the generated certificate
  };
}

export const setRegistrationCertificate: Step<SetRegistrationCertificateArguments> = {
  microsoft: {
    words: 'Set the registration certificate on each node',
    command: 'Set-AzureStackHCIRegistrationCertificate',
    events: [9110, 9111],
  },
  after: ['UploadCertificate'],
  affects: (node) => [`probe/${node}`],
  evaluate(input) {
    const { resource } = input.observed;
    if (resource.state !== 'present') return [unread('nodes', resource)];
    const parameters = registrationParameters(input, resource.value);
    return members(input).map((member): Evaluation<SetRegistrationCertificateArguments> => {
      const { name, fact, probe } = member;
      if (probe === undefined) return unread(name, fact);
      const { need, renews } = certificateNeed(input, probe, resource.value);
      if (need === 'none') return { state: 'Done', on: name };
      if (parameters === undefined) return unread(name, { state: 'absent', at: input.now, via: 'live' });
      return {
        ...(leftAlone(input, member) ?? { state: 'Ready', on: name, arguments: { node: name, parameters } }),
        renews,
      };
    });
  },
};
