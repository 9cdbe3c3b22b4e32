import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { RemoveStaleMachineArguments } from './remove-stale-machine.ts';

export const removeStaleMachine: Act<RemoveStaleMachineArguments> = async ({ arm, signal }, { machineId }) => {
  await arm.send({ method: 'DELETE', path: machineId, apiVersion: apiVersions.machines, signal });
};
