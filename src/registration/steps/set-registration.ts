import type { OperationArguments } from '../../nodes/operations.ts';
import { onClusterNode } from '../node-state.ts';
import { members, nonEmpty, registeredTo, unread, type Step } from '../step.ts';
import { registrationParameters } from './set-registration-certificate.ts';

export interface SetRegistrationArguments {
  node: string;
  parameters: OperationArguments<'setRegistration'>;
}

export const setRegistration: Step<SetRegistrationArguments> = {
  microsoft: {
    words: 'Register the cluster on one node',
    command: 'Set-AzureStackHCIRegistration',
    events: [9001, 9114],
  },
  after: ['SetRegistrationCertificate'],
  affects: () => ['probe/', 'cluster', 'resource'],
  evaluate(input) {
    const { target, observed } = input;
    const on = target.resourceName;
    const { resource } = observed;
    if (resource.state !== 'present') return [unread(on, resource)];
    const all = members(input);
    const answering = all.flatMap(({ probe }) => probe ?? []);
    // What of it a silent node lacks is seen once that answers: the others go on meanwhile.
    if (answering.length > 0 && answering.every((probe) => registeredTo(probe, target.resourceId)))
      return [{ state: 'Done', on }];
    const unreadNode = all.find(({ probe }) => probe === undefined);
    if (unreadNode !== undefined) return [unread(on, unreadNode.fact)];
    if (observed.cluster.state !== 'present') return [unread(on, observed.cluster)];
    const parameters = registrationParameters(input, resource.value);
    const { aadApplicationObjectId, aadServicePrincipalObjectId } = resource.value.properties;
    if (parameters === undefined || !nonEmpty(aadApplicationObjectId) || !nonEmpty(aadServicePrincipalObjectId)) {
      return [unread(on, { state: 'absent', at: input.now, via: 'live' })];
    }
    return [
      onClusterNode(input, on, ({ name: node }) => ({
        state: 'Ready',
        on,
        arguments: {
          node,
          parameters: {
            ...parameters,
            subscriptionId: target.subscriptionId,
            objectId: aadApplicationObjectId,
            resourceName: target.resourceName,
            providerNamespace: 'Microsoft.AzureStackHCI',
            resourceArmId: target.resourceId,
            servicePrincipalClientId: aadServicePrincipalObjectId, // an object id under that name: it is what Microsoft's module sends
          },
        },
      })),
    ];
  },
};
