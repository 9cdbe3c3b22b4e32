import type { Started } from './bookkeeping.ts';
import type { Act, Clients } from './clients.ts';
import type { RunnableStep } from './plan.ts';
import { adoptCluster } from './steps/adopt-cluster.act.ts';
import { assignRole } from './steps/assign-role.act.ts';
import { consentToDefaultExtensions } from './steps/consent-to-default-extensions.act.ts';
import { createArcIdentity } from './steps/create-arc-identity.act.ts';
import { createArcSettings } from './steps/create-arc-settings.act.ts';
import { createClusterIdentity } from './steps/create-cluster-identity.act.ts';
import { createCluster } from './steps/create-cluster.act.ts';
import { createResourceGroup } from './steps/create-resource-group.act.ts';
import { dropArcSecret } from './steps/drop-arc-secret.act.ts';
import { generatePassword } from './steps/generate-password.act.ts';
import { initializeArcIntegration } from './steps/initialize-arc-integration.act.ts';
import type { StepArguments, StepName } from './steps/index.ts';
import { newRegistrationCertificate } from './steps/new-registration-certificate.act.ts';
import { recordOnboardingSecret } from './steps/record-onboarding-secret.act.ts';
import { refreshResourceProviderObjectId } from './steps/refresh-resource-provider-object-id.act.ts';
import { registerArcRegistrationTask } from './steps/register-arc-registration-task.act.ts';
import { registerResourceProvider } from './steps/register-resource-provider.act.ts';
import { setAgentProxy } from './steps/set-agent-proxy.act.ts';
import { disconnectAgent } from './steps/disconnect-agent.act.ts';
import { removeCustomImdsHostAddress } from './steps/remove-custom-imds-host-address.act.ts';
import { removeStaleMachine } from './steps/remove-stale-machine.act.ts';
import { setRegistrationCertificate } from './steps/set-registration-certificate.act.ts';
import { setRegistration } from './steps/set-registration.act.ts';
import { setSystemAssignedIdentity } from './steps/set-system-assigned-identity.act.ts';
import { startArcRegistrationTask } from './steps/start-arc-registration-task.act.ts';
import { startCloudManagement } from './steps/start-cloud-management.act.ts';
import { syncAfterRegistration } from './steps/sync-after-registration.act.ts';
import { sync } from './steps/sync.act.ts';
import { syncOnRequest } from './steps/sync-on-request.act.ts';
import { uploadCertificate } from './steps/upload-certificate.act.ts';
import { clearArcIntegration } from './steps/clear-arc-integration.act.ts';
import { deleteArcSettings } from './steps/delete-arc-settings.act.ts';
import { deleteExtension } from './steps/delete-extension.act.ts';
import { deleteMachine } from './steps/delete-machine.act.ts';
import { deleteResourceGroup } from './steps/delete-resource-group.act.ts';
import { disableArcIntegration } from './steps/disable-arc-integration.act.ts';
import { initializeDisableProcess } from './steps/initialize-disable-process.act.ts';
import { removeRole } from './steps/remove-role.act.ts';
import { startDisablingArc } from './steps/start-disabling-arc.act.ts';
import { unregisterArcRegistrationTask } from './steps/unregister-arc-registration-task.act.ts';

const acts: { [N in StepName]: Act<StepArguments<N>> } = {
  CreateResourceGroup: createResourceGroup,
  RegisterResourceProvider: registerResourceProvider,
  CreateCluster: createCluster,
  AdoptCluster: adoptCluster,
  SetSystemAssignedIdentity: setSystemAssignedIdentity,
  CreateClusterIdentity: createClusterIdentity,
  RefreshResourceProviderObjectId: refreshResourceProviderObjectId,
  AssignResourceManagerRole: assignRole,
  NewRegistrationCertificate: newRegistrationCertificate,
  UploadCertificate: uploadCertificate,
  SetRegistrationCertificate: setRegistrationCertificate,
  SetRegistration: setRegistration,
  StartCloudManagement: startCloudManagement,
  SyncAfterRegistration: syncAfterRegistration,
  RemoveCustomImdsHostAddress: removeCustomImdsHostAddress,
  DisconnectAgent: disconnectAgent,
  SetAgentProxy: setAgentProxy,
  CreateArcSettings: createArcSettings,
  ConsentToDefaultExtensions: consentToDefaultExtensions,
  CreateArcIdentity: createArcIdentity,
  AssignArcRoles: assignRole,
  GeneratePassword: generatePassword,
  InitializeArcIntegration: initializeArcIntegration,
  DropArcSecret: dropArcSecret,
  RegisterArcRegistrationTask: registerArcRegistrationTask,
  StartArcRegistrationTask: startArcRegistrationTask,
  RecordOnboardingSecret: recordOnboardingSecret,
  RemoveStaleMachine: removeStaleMachine,
  Sync: sync,
  SyncOnRequest: syncOnRequest,
  StartDisablingArc: startDisablingArc,
  InitializeDisableProcess: initializeDisableProcess,
  DeleteExtension: deleteExtension,
  UnregisterArcRegistrationTask: unregisterArcRegistrationTask,
  DisableArcIntegration: disableArcIntegration,
  DeleteMachine: deleteMachine,
  RemoveArcRoles: removeRole,
  DeleteArcSettings: deleteArcSettings,
  ClearArcIntegration: clearArcIntegration,
  RemoveResourceManagerRole: removeRole,
  DeleteResourceGroup: deleteResourceGroup,
};

/** Does one step: exactly one write. Throws what the write threw. */
export const act = <N extends StepName>(clients: Clients, runnable: RunnableStep<N>): Promise<Started | void> => {
  const perform: Act<StepArguments<N>> = acts[runnable.step];
  return perform(clients, runnable.arguments);
};
