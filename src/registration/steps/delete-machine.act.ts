import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { DeleteMachineArguments } from './delete-machine.ts';

export const deleteMachine: Act<DeleteMachineArguments> = async ({ arm, signal }, { id }) => {
  await arm.send({ method: 'DELETE', path: id, apiVersion: apiVersions.machines, signal });
};
