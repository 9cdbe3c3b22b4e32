import type { OperationArguments, Probe } from '../../nodes/operations.ts';
import { needsRepair } from '../certificates.ts';
import { onClusterNode } from '../node-state.ts';
import { members, nonEmpty, registeredTo, stepKey, unread, type Step } from '../step.ts';
import { registrationParameters } from './set-registration-certificate.ts';

export interface SetRegistrationArguments {
  node: string;
  parameters: OperationArguments<'setRegistration'>;
}

const mostRepairs = 3;

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
    const isRepaired = (probe: Probe) =>
      probe.registration.connectionStatus !== 'RepairRegistrationRequired' || !needsRepair(input, probe);
    if (answering.length > 0 && answering.every((probe) => registeredTo(probe, target.resourceId) && isRepaired(probe)))
      return [{ state: 'Done', on }];
    const unreadNode = all.find(({ probe }) => probe === undefined);
    if (unreadNode !== undefined) return [unread(on, unreadNode.fact)];
    if (observed.cluster.state !== 'present') return [unread(on, observed.cluster)];
    const tries = input.memory.successes.get(stepKey('SetRegistration', on))?.count ?? 0;
    const broken = all.filter(({ probe }) => probe !== undefined && !isRepaired(probe)).map(({ name }) => name);
    if (tries >= mostRepairs && broken.length > 0) {
      const message = `${broken.join(', ')}: a repair is still asked for after ${tries} repairs. Look at event 591 on the nodes`;
      return [{ state: 'Blocked', on, reason: 'RepairRegistrationRequired', message }];
    }
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
