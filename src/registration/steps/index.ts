import type { Step } from '../step.ts';
import { adoptCluster } from './adopt-cluster.ts';
import { assignArcRoles, assignResourceManagerRole } from './assign-role.ts';
import { consentToDefaultExtensions } from './consent-to-default-extensions.ts';
import { createArcIdentity } from './create-arc-identity.ts';
import { createArcSettings } from './create-arc-settings.ts';
import { createCluster } from './create-cluster.ts';
import { createClusterIdentity } from './create-cluster-identity.ts';
import { createResourceGroup } from './create-resource-group.ts';
import { disconnectAgent } from './disconnect-agent.ts';
import { dropArcSecret } from './drop-arc-secret.ts';
import { generatePassword } from './generate-password.ts';
import { initializeArcIntegration } from './initialize-arc-integration.ts';
import { newRegistrationCertificate } from './new-registration-certificate.ts';
import { recordOnboardingSecret } from './record-onboarding-secret.ts';
import { refreshResourceProviderObjectId } from './refresh-resource-provider-object-id.ts';
import { registerArcRegistrationTask } from './register-arc-registration-task.ts';
import { registerResourceProvider } from './register-resource-provider.ts';
import { removeCustomImdsHostAddress } from './remove-custom-imds-host-address.ts';
import { setAgentProxy } from './set-agent-proxy.ts';
import { removeStaleMachine } from './remove-stale-machine.ts';
import { setRegistrationCertificate } from './set-registration-certificate.ts';
import { setRegistration } from './set-registration.ts';
import { setSystemAssignedIdentity } from './set-system-assigned-identity.ts';
import { startArcRegistrationTask } from './start-arc-registration-task.ts';
import { startCloudManagement } from './start-cloud-management.ts';
import { sync } from './sync.ts';
import { syncAfterRegistration } from './sync-after-registration.ts';
import { syncOnRequest } from './sync-on-request.ts';
import { uploadCertificate } from './upload-certificate.ts';

const table = {
  CreateResourceGroup: createResourceGroup,
  RegisterResourceProvider: registerResourceProvider,
  CreateCluster: createCluster,
  AdoptCluster: adoptCluster,
  SetSystemAssignedIdentity: setSystemAssignedIdentity,
  CreateClusterIdentity: createClusterIdentity,
  RefreshResourceProviderObjectId: refreshResourceProviderObjectId,
  AssignResourceManagerRole: assignResourceManagerRole,
  NewRegistrationCertificate: newRegistrationCertificate,
  UploadCertificate: uploadCertificate,
  SetRegistrationCertificate: setRegistrationCertificate,
  SetRegistration: setRegistration,
  StartCloudManagement: startCloudManagement,
  SyncAfterRegistration: syncAfterRegistration,
  RemoveCustomImdsHostAddress: removeCustomImdsHostAddress,
  CreateArcSettings: createArcSettings,
  ConsentToDefaultExtensions: consentToDefaultExtensions,
  CreateArcIdentity: createArcIdentity,
  AssignArcRoles: assignArcRoles,
  GeneratePassword: generatePassword,
  InitializeArcIntegration: initializeArcIntegration,
  DropArcSecret: dropArcSecret,
  RegisterArcRegistrationTask: registerArcRegistrationTask,
  DisconnectAgent: disconnectAgent,
  SetAgentProxy: setAgentProxy,
  StartArcRegistrationTask: startArcRegistrationTask,
  RecordOnboardingSecret: recordOnboardingSecret,
  RemoveStaleMachine: removeStaleMachine,
  Sync: sync,
  SyncOnRequest: syncOnRequest,
};

export type StepName = keyof typeof table;
export type StepArguments<N extends StepName> = (typeof table)[N] extends Step<infer A> ? A : never;

/** All steps, in the order in which Register-AzStackHCI does them. */
export const steps: { readonly [N in StepName]: Step<StepArguments<N>> } = table;
export const stepNames = Object.keys(table).filter((name): name is StepName => name in table);
